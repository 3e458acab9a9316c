import { VisplayError } from "../common/errors.ts";
import { Checksum } from "./checksum.ts";
import { readable, stretches, tolerant } from "./damage.ts";
import type { Dictionary } from "./dictionary.ts";
import type { CurriculumEpisode, CurriculumItem, CurriculumQuestion } from "./events.ts";
import { type Database, numbers, type Queries, type Row, utf8 } from "./sqlite.ts";

const itemsSql = `
  SELECT ${numbers("c.round", "c.place", "c.event", "c.confidence", "c.crc32", "i.position")},
    ${utf8("c.question", "c.label", "c.solution", "c.description", "i.content", "i.name")}
  FROM curriculum c LEFT JOIN images i ON i.id = c.image`;

/** How many items a round's curriculum has. */
export function curriculumSize(database: Queries, round: number): number {
  const sql = "SELECT CAST(max(place) + 1 AS INTEGER) FROM curriculum WHERE round = ?";
  return database.value<number>(sql, [round]) ?? 0;
}

/** A round's items at these places. Throws "damaged" where one is missing, or is not as it was written. */
export function curriculumItems(
  database: Queries,
  round: number,
  places: readonly number[],
): CurriculumItem[] {
  const statement = database.prepare(`${itemsSql} WHERE c.round = ? AND c.place = ?`);
  return places.map((place) => {
    const row = statement.get([round, place]);
    const name = `item ${place} of the curriculum of round ${round}`;
    if (!row) throw new VisplayError("damaged", `${name} is missing`);
    return itemOf(row, name);
  });
}

/** The questions about each of these images, by content, that entered the curriculum of any round. */
export function admittedQuestions(database: Queries, images: readonly string[]): string[][] {
  const sql = `SELECT ${utf8("c.question")} FROM images i JOIN curriculum c ON c.image = i.id
    WHERE i.content = ? ORDER BY c.round, c.place`;
  const statement = database.prepare(sql);
  return images.map((image) => statement.all<{ question: string }>([image]).map(({ question }) => question));
}

function itemOf(row: Row, name: string): CurriculumItem {
  if (new Checksum().add("curriculum", row).value !== row.crc32) {
    throw new VisplayError("damaged", `${name} is damaged: its checksum differs`);
  }
  return {
    image: { index: row.position as number, name: row.name as string, id: row.content as string },
    question: row.question as string,
    label: row.label as string,
    confidence: row.confidence as number,
    solution: row.solution as string | null,
    description: row.description as string | null,
  };
}

/** What entered the curriculum in an episode. */
export function itemsIn({ image, questions }: CurriculumEpisode): CurriculumItem[] {
  return questions.flatMap(({ question, label, verdict, described, ...others }) => {
    if (question === null || label === null || verdict === null) return [];
    const solution = solutionText({ described, ...others });
    const description = described?.description ?? null;
    return [{ image, question, label, confidence: verdict.confidence, solution, description }];
  });
}

/** The answer to imitate: one of the votes, else what was answered from a description. */
function solutionText({
  solution,
  answers,
  described,
}: Pick<CurriculumQuestion, "solution" | "answers" | "described">): string | null {
  return (solution === null ? described?.solution : answers[solution]?.text) ?? null;
}

/** Adds items at the end of a round's curriculum; `event` is the one that brought them, 0 for another run's. */
export function addItems(
  database: Database,
  dictionary: Dictionary,
  items: readonly CurriculumItem[],
  { round, event }: { readonly round: number; readonly event: number },
): void {
  const first = curriculumSize(database, round);
  const sql = `INSERT INTO curriculum (round, place, event, image, question, label, confidence, solution, description, crc32)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  for (const [i, { image, ...item }] of items.entries()) {
    const { question, label, confidence, solution, description } = item;
    const stored = { content: image.id, position: image.index, name: image.name };
    const place = first + i;
    const row = { round, place, event, ...stored, ...item };
    const { value } = new Checksum().add("curriculum", row);
    const imageId = dictionary.id("images", stored);
    const learnt = [question, label, confidence, solution, description];
    database.prepare(sql).run([round, place, event, imageId, ...learnt, value]);
  }
}

/** Forgets what entered any curriculum after an event. */
export function forgetItemsAfter(database: Database, event: number): void {
  for (;;) {
    const round = database.value<number>("SELECT max(round) FROM curriculum");
    if (round === null) return;
    database.prepare("DELETE FROM curriculum WHERE round = ? AND event > ?").run([round, event]);
    if (curriculumSize(database, round) > 0) return;
  }
}

/**
 * A round's items that entered up to an event, some thousand at a time, without those that are not as they were written:
 * `isDamaged` is told of each, and may throw. What can not be read at all counts as what stands before it, or else after.
 */
export function* itemsUpTo(
  database: Queries,
  round: number,
  event: number,
  isDamaged: (error: VisplayError) => void,
): Generator<CurriculumItem[]> {
  const unread: VisplayError[] = [];
  for (const rows of storedRows(database, round)) {
    const items: CurriculumItem[] = [];
    for (const row of rows) {
      if (row instanceof VisplayError) {
        unread.push(row);
        continue;
      }
      // Items stand in the order in which they entered.
      if ((row.event as number) > event) return yield items;
      for (const error of unread.splice(0)) isDamaged(error);
      const item = tolerant(() => itemOf(row, `item ${row.place} of the curriculum of round ${round}`));
      if (item instanceof VisplayError) isDamaged(item);
      else items.push(item);
    }
    yield items;
  }
  for (const error of unread) isDamaged(error);
}

/** What entered in another run, which this one was forked from, in order; `isDamaged` as in `itemsUpTo`. */
export function* adoptedItems(
  database: Queries,
  isDamaged: (error: VisplayError) => void,
): Generator<CurriculumItem & { readonly round: number }> {
  const rounds = readFrom(database, "SELECT max(round) FROM curriculum");
  for (let round = 1; round <= rounds; round++)
    for (const items of itemsUpTo(database, round, 0, isDamaged))
      for (const item of items) yield { ...item, round };
}

/** Rows of a round's items, in place of each that cannot be read the error; some thousand at a time. */
function* storedRows(database: Queries, round: number): Generator<readonly (Row | VisplayError)[]> {
  const sql = `${itemsSql} WHERE c.round = ? AND c.place BETWEEN ? AND ? ORDER BY c.place`;
  const statement = database.prepare(sql);
  const last = readFrom(database, "SELECT max(place) FROM curriculum WHERE round = ?", [round], -1);
  for (const places of stretches(0, last))
    yield readable<Row | VisplayError>(
      places,
      (some) => statement.all([round, some[0] as number, some.at(-1) as number]),
      (place, cause) => {
        const message = `item ${place} of the curriculum of round ${round} cannot be read`;
        return [new VisplayError("damaged", message, { cause })];
      },
    );
}

/** A number from the table or, where that is damaged, from its index, which holds it, too. */
function readFrom(database: Queries, sql: string, params: number[] = [], otherwise = 0): number {
  const found = tolerant(() => database.value<number>(sql, params));
  const indexed = sql.replace("FROM curriculum", "FROM curriculum INDEXED BY curriculum_images");
  return (found instanceof VisplayError ? database.value<number>(indexed, params) : found) ?? otherwise;
}
