import { Worker } from "node:worker_threads";
import * as z from "zod";
import { ThreadCalls } from "../../../common/thread_calls.ts";
import { type PoolThread, ThreadPool } from "../../../common/thread_pool.ts";
import type { RgbImage } from "../../../images/image.ts";
import { resample } from "../../../images/resample.ts";
import { box, boxIn, partAt, picture } from "../places.ts";
import { callThread } from "../thread_call.ts";
import { defineTool, type Tool } from "../tool.ts";
import type { ReaderThread } from "./ocr_protocol.ts";

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/environments/tools/ocr/worker.js" : "./worker.js",
  import.meta.url,
);

export interface OcrOptions {
  /** What named the tool, for messages. */
  readonly setting: string;
  /** What one call may take. */
  readonly timeLimitMs: number;
}

/** Pictures that are read at once, each in a thread of its own. */
const threads = 2;

const ocrArguments = z.strictObject({
  image: picture,
  box: box.default([0, 0, 1000, 1000]),
});

/**
 * Text in pictures by tesseract.js, in a language by tesseract's code ("eng"). Throws a `VisplayError` of code "config" where
 * that or its data is not installed.
 */
export async function openOcr(language: string, { setting, timeLimitMs }: OcrOptions): Promise<Tool> {
  const start = () => startThread(language, setting);
  const pool = new ThreadPool<ReaderThread>({ threads, start }, await start());
  return defineTool({
    name: "ocr",
    description: "reads the text in a picture or a part of it: lines, with a box for each",
    arguments: ocrArguments,
    isPure: true,
    keepsTime: true,
    async run(given, context) {
      const { whole, region, image } = partAt(context, given);
      const scale = enlargement(image);
      const shown = resample(image, scale * image.width, scale * image.height, "bicubic");
      const lines = await callThread(pool, "read", [shown], { timeLimitMs, signal: context.signal });
      const placed = lines.map(({ text, box }) => ({ text, box: boxIn(whole, region, box, scale) }));
      return [JSON.stringify({ lines: placed })];
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  });
}

/** How many times larger a small picture is read best: letters of eight pixels are too small for it. */
function enlargement({ width, height }: RgbImage): number {
  return Math.max(1, Math.min(4, Math.floor(1000 / Math.max(width, height))));
}

async function startThread(language: string, setting: string): Promise<PoolThread<ReaderThread>> {
  const worker = new Worker(program, { name: "ocr" });
  const calls = new ThreadCalls<ReaderThread>(worker, { name: "ocr", advice: "Its call has failed" });
  await calls.open(language, setting);
  return { worker, calls };
}
