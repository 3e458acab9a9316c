import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import { VisplayError } from "../common/errors.ts";
import type { RunFacts } from "../data/export/card.ts";
import type { CurriculumRecord } from "../data/export/record.ts";
import { tolerant } from "../replay/damage.ts";
import type { QuestionHead } from "../replay/questions.ts";
import { ReplayReader, readPins } from "../replay/reader.ts";

interface RecordsOptions {
  readonly runIndex: number;
  /** Whether it matters what the Reasoner made of them. */
  readonly taught: boolean;
  /** Told of what is damaged in the run's replay, and left out. */
  readonly onDamage: (what: string) => void;
}

/** Every question of a run's curriculum phases that has an answer, admitted or not, in the order of the run. */
export function* recordsOf(
  folder: string,
  { runIndex, taught, onDamage }: RecordsOptions,
): Generator<CurriculumRecord> {
  using reader = ReplayReader.open(folder);
  const agreementOf = taught ? agreements(reader) : () => null;
  const fileOf = files(reader);
  const run = nameOf(folder);
  const same = sharedTexts();
  for (const { image, question, label, confidence, round } of reader.adoptedItems(({ message }) =>
    onDamage(`${run}: ${message}`),
  )) {
    const asked = { image: image.id, imageName: image.name, question, answer: label, confidence };
    const unknown = { origin: null, votes: [], abstentions: 0, parseFailures: 0, verified: null };
    const known = { file: fileOf(image.id), agreement: agreementOf(image.id, question) };
    yield { run, runIndex, round, ...asked, ...unknown, ...known, outcome: "admitted" };
  }
  for (const head of reader.curriculumQuestions((episode) =>
    onDamage(`${run}: episode ${episode} cannot be read`),
  )) {
    const answered = answeredIn(head, same);
    if (!answered) continue;
    const { image, round, episode, rollout, rejection } = head;
    const known = { file: fileOf(image.id), agreement: agreementOf(image.id, answered.question) };
    const from = { run, runIndex, round, origin: { episode, rollout } };
    yield {
      ...from,
      image: same(image.id),
      imageName: same(image.name),
      ...answered,
      ...known,
      outcome: rejection ?? "admitted",
    };
  }
}

type Answered = Pick<
  CurriculumRecord,
  "question" | "answer" | "confidence" | "votes" | "abstentions" | "parseFailures" | "verified"
>;

/** Null for what is no question, or was not answered. */
function answeredIn(
  { question, label, verdict }: QuestionHead,
  same: (text: string) => string,
): Answered | null {
  const answer = label ?? verdict?.silver ?? null;
  if (question === null || answer === null || verdict === null) return null;
  const { confidence, abstentions, parseFailures, verified } = verdict;
  const votes = verdict.votes.map(({ answer, count }) => ({ answer: same(answer), count }));
  const counted = { confidence, votes, abstentions, parseFailures, verified };
  return { question: same(question), answer: same(answer), ...counted };
}

/** Equal texts as one, which all that is read from a replay are not. */
function sharedTexts(): (text: string) => string {
  const texts = new Map<string, string>();
  return (text) => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
}

function files(reader: ReplayReader): (image: string) => string | null {
  const known = new Map<string, string | null>();
  return (image) => {
    const file = known.get(image) ?? reader.image(image) ?? null;
    known.set(image, file);
    return file;
  };
}

const EPISODES_AT_ONCE = 500;

/** Shares of the Reasoner's answers that agreed, the last time that it was taught with a question about an image. */
function agreements(reader: ReplayReader): (image: string, question: string) => number | null {
  const shares = new Map<string, number>();
  const ids = reader.order({ phases: ["reasoner"], sort: { by: "time", order: "ascending" } });
  for (let first = 0; first < ids.length; first += EPISODES_AT_ONCE)
    for (const head of reader.heads([...ids.subarray(first, first + EPISODES_AT_ONCE)])) {
      const share = head?.measures["part:agreement"];
      if (head && share !== undefined) shares.set(`${head.image.id} ${head.question}`, share);
    }
  return (image, question) => shares.get(`${image} ${question}`) ?? null;
}

/** What a card says of a run, as far as it can be read. */
export function runFacts(folder: string, onDamage: (what: string) => void): RunFacts {
  using reader = ReplayReader.open(folder);
  const name = nameOf(folder);
  let config: unknown = null;
  let models: RunFacts["models"] = {};
  const releases = new Set<string>();
  const correct: Record<number, number> = {};
  const lost = (event: number): void => onDamage(`${name}: event ${event} cannot be read`);
  for (const { event } of reader.milestones({ onDamage: lost })) {
    if (event.type === "runStarted" || event.type === "runResumed") {
      config = event.config ?? config;
      if (event.release) releases.add(event.release);
    }
    if (event.type === "runStarted") models = event.models;
    const share = event.type === "curriculumBuilt" ? event.audit?.silverCorrect : undefined;
    if (event.type === "curriculumBuilt" && typeof share === "number") correct[event.round] = share;
  }
  const configuration = createHash("sha256").update(JSON.stringify(config)).digest("hex");
  const pins = tolerant(() => readPins(folder));
  if (pins instanceof VisplayError) onDamage(`${name}: ${pins.message}`);
  const inputs = pins instanceof VisplayError ? null : (pins?.inputs ?? null);
  return { name, configuration, releases: [...releases], models, inputs, correct };
}

function nameOf(folder: string): string {
  return basename(resolve(folder));
}
