import { createHash } from "node:crypto";
import type { RunConfig } from "../arena/config/config.ts";
import type { StageConfig } from "../arena/config/stages.ts";
import { VisplayError } from "../common/errors.ts";
import { zip } from "../common/zip.ts";
import type { LabelledItem, LabelledItems } from "../environments/data.ts";
import type { RewardConfig } from "../environments/task_reward.ts";
import { canVerify } from "../environments/verify.ts";
import { ListedImages } from "../images/listed_images.ts";
import { readModelFolder } from "../policy/embedded/registry.ts";
import { writtenIn } from "../reasoner/written.ts";
import { type LabelledRow, labelledRows, openUserData, sayBroken } from "./data.ts";
import { plural } from "./format.ts";
import type { WithModel } from "./model.ts";
import type { Opening } from "./run_images.ts";
import { scaledPictures } from "./scaled_pictures.ts";

/** What the stages of a run learn from. */
export interface RunData {
  /** Of each stage; null where it needs none. */
  readonly labelled: readonly (LabelledItems | null)[];
  /** SHA-256 by name of all questions, answers, and names and sizes of pictures. */
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * Opens the labelled data of a run's stages; says which rows are broken. Throws "data" where it cannot be read, or no row
 * of it has a picture, a question and an answer.
 */
export async function openLabelled({ stages, images }: RunConfig, opening: Opening): Promise<RunData> {
  const labelled: (LabelledItems | null)[] = [];
  const inputs: Record<string, string> = {};
  for (const [index, stage] of stages.entries()) {
    const asked = askedOf(stage);
    if (asked === null) {
      labelled.push(null);
      continue;
    }
    const rows = await rowsOf(asked, opening);
    if (asked.reward) checkVerifier(asked.reward, rows, opening.say);
    const items = rows.map((row) => itemOf(row, asked.chain));
    const listed = rows.map(({ image }) => ({ name: image.name, file: image, content: null }));
    labelled.push({
      images: new ListedImages(listed, { maxPixels: images.maxPixels }, scaledPictures()),
      items,
    });
    const digest = createHash("sha256");
    for (const [{ image }, item] of zip(rows, items))
      digest.update(JSON.stringify([image.name, image.bytes, item.question, item.truths, item.chain]));
    inputs[`stages.${index}.data`] = digest.digest("hex");
  }
  return { labelled, inputs };
}

/** What a stage asks of labelled data. */
interface AskedData {
  readonly kind: string;
  readonly data: string;
  readonly columns: string | null;
  readonly rows: number | null;
  /** The column of the thinking before an answer. */
  readonly chain: string | null;
  /** What judges answers; null where they are imitated. */
  readonly reward: RewardConfig | null;
}

/** Null for a stage that needs no labelled data. */
function askedOf(stage: StageConfig): AskedData | null {
  switch (stage.kind) {
    case "self_play":
      return null;
    case "sft":
      return { ...stage, reward: null };
    case "grpo":
      return { ...stage, chain: null };
    case "environment": {
      const { name, data, columns } = stage.environment;
      return name === "data" && data !== null ? { ...stage, data, columns, chain: null } : null;
    }
  }
}

/** Says where a verifier can make nothing of the labels. */
function checkVerifier(
  { verifier }: RewardConfig,
  rows: readonly LabelledRow[],
  say: (line: string) => void,
): void {
  const looked = rows.slice(0, LOOKED_AT);
  const unread = looked.filter(
    ({ question, answers }) => !answers.some((answer) => canVerify(verifier, answer, question)),
  );
  if (unread.length <= looked.length / 5) return;
  const example = JSON.stringify(unread[0]?.answers[0]);
  say(
    `verifier ${verifier} can make nothing of ${unread.length} of the first ${looked.length} labels, such as ${example}; choose another (stages.N.reward.verifier)`,
  );
}

/** Labels that a verifier is tried on. */
const LOOKED_AT = 100;

async function rowsOf(asked: AskedData, opening: Opening): Promise<LabelledRow[]> {
  const { kind, data, columns, rows: most, chain } = asked;
  const { signal, say } = opening;
  const set = await openUserData(data, columns, opening);
  if (chain !== null) set.requireColumn(chain);
  const others = chain === null ? [] : [chain];
  const { rows, broken } = await labelledRows(set, { others, signal, ...(most !== null && { most }) });
  sayBroken(set.name, broken, say);
  if (rows.length > 0) {
    say(`${kind}: ${plural(rows.length, "labelled question")} of ${set.name}`);
    return rows;
  }
  const [first] = broken;
  const why = first
    ? `; ${first.file}${first.row === null ? "" : `, row ${first.row}`}: ${first.reason}`
    : "";
  const found = `found no question with an answer and one picture in ${plural(set.length, "row")}`;
  throw new VisplayError("data", `${set.name}: ${found}, expected at least one${why}`);
}

/** A row's question; what its answers bring of thinking stands apart. */
function itemOf({ question, answers, others }: LabelledRow, column: string | null): LabelledItem {
  const written = answers.map((answer) =>
    /<(think|answer)>/i.test(answer) ? writtenIn(answer) : { chain: "", answer },
  );
  const truths = written.flatMap(({ answer }) => answer ?? []);
  const chain = column === null ? written[0]?.chain : others[column]?.trim();
  return { question, truths: truths.length > 0 ? truths : answers, chain: chain || null };
}

/** How completions become tokens. Throws "model" where the folder's tokenizer cannot be used. */
export async function openEncoder({
  base,
  config,
}: Pick<WithModel, "base" | "config">): Promise<(completion: string) => Int32Array> {
  const { model, tokenizer } = await (await readModelFolder(base, config.model)).define();
  const [end] = model.config.eosTokenIds;
  return (completion) => Int32Array.of(...tokenizer.encode(completion), end as number);
}
