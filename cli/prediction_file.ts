import { rename, rm } from "node:fs/promises";
import type { AnsweredTest, Mark } from "../arena/evaluation.ts";
import { diskError } from "../common/disk.ts";
import type { Features } from "../data/export/features.ts";
import { OutputFile } from "../data/export/output_file.ts";
import { ParquetRows } from "../data/export/parquet_rows.ts";
import type { Answer } from "../reasoner/reasoner.ts";

/** A question with its answers. */
type Prediction = Readonly<Record<keyof typeof columns, unknown>>;

const answer: Features = { completion: "string", outcome: "string", answer: "string" };
const scores = ["greedy", "abstained", "unparsed", "blind", "warm", "cool", "majority", "best"] as const;
const columns = {
  image: "string",
  question: "string",
  truths: ["string"],
  group: "string",
  scores: Object.fromEntries(scores.map((name) => [name, "float64"])),
  greedy: answer,
  blind: answer,
  warm: [answer],
  cool: [answer],
  altered: [{ alteration: "string", ...answer }],
  stated: "float64",
  description: "string",
  conclusion: "string",
  cause: "string",
} as const satisfies Features;

interface Writer extends AsyncDisposable {
  add(prediction: Prediction): Promise<void>;
  /** Resolves once all is on the disk. */
  close(): Promise<unknown>;
}

/**
 * Every question of an evaluation with its answers, which is there once it is whole: Parquet where its name ends so, else
 * one JSON object a line.
 */
export class PredictionFile implements AsyncDisposable {
  readonly #path: string;
  readonly #partial: string;
  readonly #writer: Writer;
  #written: Promise<void> = Promise.resolve();
  #error: unknown;

  private constructor(path: string, partial: string, writer: Writer) {
    this.#path = path;
    this.#partial = partial;
    this.#writer = writer;
  }

  /** Throws "disk" where the file cannot be written. */
  static async create(path: string): Promise<PredictionFile> {
    const partial = `${path}.${process.pid}.tmp`;
    const open = path.toLowerCase().endsWith(".parquet") ? parquetWriter : linesWriter;
    const writer = await open(partial).catch((error) => Promise.reject(diskError(path, error)));
    return new PredictionFile(path, partial, writer);
  }

  add(
    { test, greedy, blind, warm, cool, altered }: AnsweredTest,
    { group, attribution, calibration, ...scores }: Mark,
  ): void {
    const { name: image, question, truths } = test;
    const answers = { greedy: said(greedy), blind: said(blind), warm: warm.map(said), cool: cool.map(said) };
    const { description = null, conclusion = null, cause = null } = attribution ?? {};
    const stated = calibration.statement?.stated ?? null;
    const traced = { description, conclusion, cause };
    const others = (altered ?? []).map(([{ alteration }, answer]) => ({ alteration, ...said(answer) }));
    const prediction = {
      image,
      question,
      truths,
      group,
      scores,
      ...answers,
      altered: others,
      stated,
      ...traced,
    };
    const add = async (): Promise<void> => {
      if (this.#error === undefined) await this.#writer.add(prediction);
    };
    this.#written = this.#written.then(add).catch((error) => {
      this.#error = error;
    });
  }

  /** Puts the file where it belongs. Throws "disk" where it could not be written whole. */
  async keep(): Promise<void> {
    try {
      await this.#written;
      if (this.#error !== undefined) throw this.#error;
      await this.#writer.close();
      await rename(this.#partial, this.#path);
    } catch (error) {
      throw diskError(this.#path, error);
    }
  }

  /** Leaves nothing of a file that was not kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written;
    await this.#writer[Symbol.asyncDispose]();
    await rm(this.#partial, { force: true });
  }
}

async function parquetWriter(path: string): Promise<Writer> {
  const rows = await ParquetRows.create(path, columns);
  return {
    add: (prediction) => rows.add(prediction, JSON.stringify(prediction).length),
    close: () => rows.close(),
    [Symbol.asyncDispose]: () => rows[Symbol.asyncDispose](),
  };
}

async function linesWriter(path: string): Promise<Writer> {
  const file = await OutputFile.create(path);
  return {
    add: (prediction) => file.write(Buffer.from(`${JSON.stringify(prediction)}\n`)),
    close: () => file.close(),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** What was said, and the answer that was read in it; null where there is none. */
function said({ completion, parsed }: Answer): {
  completion: string;
  outcome: string;
  answer: string | null;
} {
  const answer = parsed.outcome === "answered" ? parsed.answer : null;
  return { completion: completion.text, outcome: parsed.outcome, answer };
}
