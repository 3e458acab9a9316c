import { phaseRow } from "./phases.ts";
import { PLACES, rareEvents, stepList } from "./schema.ts";

/** Documented in SCHEMA.md, as a test checks. */
const first = `
CREATE TABLE attempts (
  attempt INTEGER PRIMARY KEY,
  after INTEGER NOT NULL,
  at_ms INTEGER NOT NULL
);
CREATE TABLE phases (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO phases VALUES (1, 'questioner'), (2, 'curriculum'), (3, 'reasoner');
CREATE TABLE images (
  id INTEGER PRIMARY KEY,
  content TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (content, position, name)
);
CREATE TABLE image_files (
  content TEXT PRIMARY KEY,
  extension TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE prompts (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL,
  templated INTEGER NOT NULL,
  UNIQUE (text, templated)
);
CREATE TABLE shapes (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TABLE figures (
  id INTEGER PRIMARY KEY,
  phase INTEGER NOT NULL REFERENCES phases,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (phase, kind, name)
);

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL REFERENCES attempts,
  superseded INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  body TEXT NOT NULL,
  round INTEGER AS (body ->> '$.round') VIRTUAL,
  step INTEGER AS (body ->> '$.step') VIRTUAL
);
CREATE TABLE episodes (
  id INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL REFERENCES attempts,
  superseded INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  phase INTEGER NOT NULL REFERENCES phases,
  round INTEGER NOT NULL,
  step INTEGER NOT NULL,
  image INTEGER NOT NULL REFERENCES images,
  prompt INTEGER NOT NULL REFERENCES prompts,
  questioner_version INTEGER NOT NULL,
  reasoner_version INTEGER NOT NULL,
  rollouts INTEGER NOT NULL,
  answers INTEGER NOT NULL,
  reward REAL,
  advantage REAL,
  confidence REAL,
  length INTEGER NOT NULL,
  truncated INTEGER NOT NULL,
  question TEXT,
  label TEXT
);
CREATE TABLE rollouts (
  id INTEGER PRIMARY KEY,
  episode INTEGER AS (id / ${PLACES}) VIRTUAL,
  text TEXT NOT NULL,
  tokens BLOB NOT NULL,
  log_probs BLOB NOT NULL,
  truncated INTEGER NOT NULL,
  reward REAL,
  advantage REAL,
  parts_shape INTEGER REFERENCES shapes,
  parts TEXT,
  checks_shape INTEGER REFERENCES shapes,
  checks TEXT,
  outcome INTEGER,
  vote TEXT,
  failure TEXT,
  question TEXT,
  own_answer TEXT,
  silver TEXT,
  confidence REAL,
  votes TEXT,
  abstentions INTEGER,
  parse_failures INTEGER,
  samples INTEGER,
  rejection TEXT,
  label TEXT
);
CREATE TABLE answers (
  id INTEGER PRIMARY KEY,
  episode INTEGER AS (id / ${PLACES}) VIRTUAL,
  rollout INTEGER NOT NULL,
  blind INTEGER NOT NULL,
  text TEXT NOT NULL,
  tokens BLOB NOT NULL,
  log_probs BLOB NOT NULL,
  truncated INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  vote TEXT,
  failure TEXT
);
CREATE TABLE measures (
  episode INTEGER NOT NULL REFERENCES episodes,
  figure INTEGER NOT NULL REFERENCES figures,
  value REAL NOT NULL,
  PRIMARY KEY (episode, figure)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE texts USING fts5 (
  question, answers, content='', tokenize="unicode61 remove_diacritics 2"
);

CREATE VIEW rollout_parts AS
  SELECT r.id AS rollout, r.episode, n.value AS name, v.value
  FROM rollouts r
  JOIN shapes s ON s.id = r.parts_shape
  JOIN json_each(s.names) n
  JOIN json_each(r.parts) v ON v.key = n.key;
CREATE VIEW rollout_checks AS
  SELECT r.id AS rollout, r.episode, n.value AS name,
    v.value ->> 0 AS passed, v.value ->> 1 AS value, v.value ->> 2 AS threshold
  FROM rollouts r
  JOIN shapes s ON s.id = r.checks_shape
  JOIN json_each(s.names) n
  JOIN json_each(r.checks) v ON v.key = n.key;
CREATE VIEW episode_prompts AS
  SELECT e.id AS episode, iif(p.templated, replace(p.text, char(65532), e.question), p.text) AS prompt
  FROM episodes e
  JOIN prompts p ON p.id = e.prompt;
`;

export const columnsTable = `
CREATE TABLE columns (
  figure TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  phase INTEGER NOT NULL REFERENCES phases,
  episodes INTEGER NOT NULL,
  least REAL NOT NULL,
  greatest REAL NOT NULL,
  data BLOB,
  PRIMARY KEY (figure, first, phase)
) WITHOUT ROWID;
`;

/** Columns in place of indexes; the writer fills them. */
const second = `
DROP INDEX IF EXISTS episodes_time;
DROP INDEX IF EXISTS episodes_image;
DROP INDEX IF EXISTS episodes_round;
DROP INDEX IF EXISTS episodes_step;
DROP INDEX IF EXISTS episodes_questioner_version;
DROP INDEX IF EXISTS episodes_reasoner_version;
DROP INDEX IF EXISTS episodes_reward;
DROP INDEX IF EXISTS episodes_advantage;
DROP INDEX IF EXISTS episodes_confidence;
DROP INDEX IF EXISTS episodes_length;
DROP INDEX IF EXISTS episodes_truncated;
DROP INDEX IF EXISTS measures_value;
${columnsTable}
CREATE INDEX columns_ranges ON columns (figure, first, phase, last, least, greatest);
`;

/** Views of images, which no run before had. */
const third = "ALTER TABLE episodes ADD COLUMN view INTEGER NOT NULL DEFAULT 0;";

/** What a run is made of: its images, and hashes of all else that results depend on. */
const pins = `
CREATE TABLE run_images (
  position INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  changed_ms REAL NOT NULL,
  content TEXT
);
CREATE TABLE run_inputs (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
`;

/**
 * Items of every curriculum, so that a round of any size is learnt from without being held in memory; checksums; and
 * what happens rarely, so that it is found among millions of steps.
 */
export const fifthTables = `
CREATE TABLE curriculum (
  round INTEGER NOT NULL,
  place INTEGER NOT NULL,
  event INTEGER NOT NULL,
  image INTEGER NOT NULL REFERENCES images,
  question TEXT NOT NULL,
  label TEXT NOT NULL,
  confidence REAL NOT NULL,
  crc32 INTEGER NOT NULL,
  PRIMARY KEY (round, place)
) WITHOUT ROWID;
CREATE TABLE checksums (event INTEGER PRIMARY KEY, crc32 INTEGER NOT NULL);
`;
const fifth = `${fifthTables}
CREATE INDEX rare_events ON events (id) WHERE type NOT IN (${stepList});
CREATE INDEX curriculum_images ON curriculum (image);
`;

/** Checksums of what a run is made of, null until it is put down anew; and checkpoints are not rare. */
const sixth = `
DROP INDEX IF EXISTS rare_events;
CREATE INDEX rare_events ON events (id) WHERE ${rareEvents};
ALTER TABLE run_images ADD COLUMN crc32 INTEGER;
ALTER TABLE run_inputs ADD COLUMN crc32 INTEGER;
`;

/** What episodes of earlier versions are of. */
const selfPlay = [
  { id: 1, phase: "questioner", role: "questioner", type: "questionerEpisode" },
  { id: 2, phase: "curriculum", role: "questioner", type: "curriculumEpisode" },
  { id: 3, phase: "reasoner", role: "reasoner", type: "reasonerEpisode" },
].map((each) => phaseRow({ ...each, stage: "selfPlay" }));

/** What episodes are of: names that a run gave, and the shape that goes with them. */
export const seventhPhases: string = `
CREATE TABLE phases (
  id INTEGER PRIMARY KEY,
  stage TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  type TEXT NOT NULL,
  crc32 INTEGER NOT NULL,
  UNIQUE (stage, name, role, type)
);
${selfPlay
  .map((row) => `INSERT INTO phases (${Object.keys(row)}) VALUES ('${Object.values(row).join("', '")}');`)
  .join("\n")}
`;

/** Phases, roles and stages are what a run calls them; an episode needs no policy of any name. */
const seventh = `
DROP TABLE phases;
${seventhPhases}
ALTER TABLE episodes ALTER COLUMN questioner_version TO questioner_version INTEGER;
ALTER TABLE episodes ALTER COLUMN reasoner_version TO reasoner_version INTEGER;
ALTER TABLE episodes ADD COLUMN versions TEXT;
`;

/** What the KL was measured by. */
const eighth = "ALTER TABLE rollouts ADD COLUMN reference_log_probs BLOB;";

/** Steps that imitate are not rare either. */
const ninth = `
DROP INDEX IF EXISTS rare_events;
CREATE INDEX rare_events ON events (id) WHERE ${rareEvents};
`;

/** Trajectories: what a prompt is made of where it is no image with a text, and what was between a completion's tokens. */
const tenth = `
ALTER TABLE episodes ADD COLUMN turns TEXT;
ALTER TABLE rollouts ADD COLUMN trajectory TEXT;
`;

/** What could be called: tools that many episodes share. */
export const eleventhTables = `
CREATE TABLE tool_sets (id INTEGER PRIMARY KEY, tools TEXT NOT NULL UNIQUE);
`;

/**
 * Tools, and votes that came about with them; where answers went wrong. Trajectories say what turns taught and
 * where they began to fail, too.
 */
const eleventh = `${eleventhTables}
ALTER TABLE episodes ADD COLUMN tools INTEGER;
ALTER TABLE rollouts ADD COLUMN verified INTEGER;
ALTER TABLE rollouts ADD COLUMN attribution TEXT;
ALTER TABLE rollouts ADD COLUMN described TEXT;
ALTER TABLE answers ADD COLUMN trajectory TEXT;
ALTER TABLE answers ADD COLUMN verified INTEGER;
`;

/** An answer of those that agree, for the Reasoner to imitate: its place among a question's answers, and its text. */
const twelfth = `
ALTER TABLE rollouts ADD COLUMN solution INTEGER;
ALTER TABLE curriculum ADD COLUMN solution TEXT;
`;

/** A description of the picture, for the Reasoner to imitate. */
const thirteenth = `
ALTER TABLE curriculum ADD COLUMN description TEXT;
`;

/** One script for each version, from nothing to the newest; a database's `user_version` counts those it had. */
export const migrations: readonly string[] = [
  first,
  second,
  third,
  pins,
  fifth,
  sixth,
  seventh,
  eighth,
  ninth,
  tenth,
  eleventh,
  twelfth,
  thirteenth,
];
