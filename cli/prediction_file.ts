import { createWriteStream, type WriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { AnsweredTest, Mark } from "../arena/evaluation.ts";
import { VisplayError } from "../common/errors.ts";
import type { Answer } from "../reasoner/reasoner.ts";

/** Every question of an evaluation with its answers, one JSON object a line, which is there once it is whole. */
export class PredictionFile implements AsyncDisposable {
  readonly #path: string;
  readonly #partial: string;
  readonly #stream: WriteStream;
  #error: Error | null = null;

  private constructor(path: string) {
    this.#path = path;
    this.#partial = `${path}.${process.pid}.tmp`;
    this.#stream = createWriteStream(this.#partial, { flags: "wx" });
    this.#stream.on("error", (error) => {
      this.#error = error;
    });
  }

  /** Throws "disk" where the file cannot be written. */
  static async create(path: string): Promise<PredictionFile> {
    const file = new PredictionFile(path);
    await new Promise<void>((resolve, reject) => {
      file.#stream.once("open", () => resolve());
      file.#stream.once("error", reject);
    }).catch((error) => Promise.reject(file.#failure(error)));
    return file;
  }

  add({ test, greedy, blind, warm, cool }: AnsweredTest, { group, ...scores }: Mark): void {
    const { name, question, truths } = test;
    const answers = { greedy: said(greedy), blind: said(blind), warm: warm.map(said), cool: cool.map(said) };
    this.#stream.write(`${JSON.stringify({ image: name, question, truths, group, scores, ...answers })}\n`);
  }

  /** Puts the file where it belongs. Throws "disk" where it could not be written whole. */
  async keep(): Promise<void> {
    try {
      this.#stream.end();
      await finished(this.#stream);
      await rename(this.#partial, this.#path);
    } catch (error) {
      throw this.#failure(this.#error ?? (error as Error));
    }
  }

  /** Leaves nothing of a file that was not kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy();
    await rm(this.#partial, { force: true });
  }

  #failure(cause: Error): VisplayError {
    const remedy = "choose another file with --out";
    return new VisplayError("disk", `could not write ${this.#path}: ${cause.message}; ${remedy}`, { cause });
  }
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
