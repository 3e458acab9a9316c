import { Worker } from "node:worker_threads";
import * as z from "zod";
import { ThreadCalls } from "../../../common/thread_calls.ts";
import { type PoolThread, ThreadPool } from "../../../common/thread_pool.ts";
import { box, boxIn, partAt, picture } from "../places.ts";
import { callThread } from "../thread_call.ts";
import { defineTool, type Tool } from "../tool.ts";
import { digestOf, precisionOf } from "./model_files.ts";
import type { Label, PipelineKind, PipelineThread } from "./pipeline_protocol.ts";

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/environments/tools/pipelines/worker.js" : "./worker.js",
  import.meta.url,
);

export interface PipelineOptions {
  /** What named the model, for messages. */
  readonly setting: string;
  /** What one call may take. */
  readonly timeLimitMs: number;
}

/** A tool, and a SHA-256 of its model. */
export interface PipelineTool {
  readonly tool: Tool;
  readonly digest: string;
}

/** Pictures that are looked at at once, each in a thread with the model. */
const threads = 2;

const part = { image: picture, box: box.default([0, 0, 1000, 1000]) };
const detectArguments = z.strictObject({
  ...part,
  threshold: z.number().min(0).max(1).default(0.5).describe("how sure it has to be"),
});
const classifyArguments = z.strictObject({ ...part, most: z.int().min(1).max(20).default(5) });
const captionArguments = z.strictObject(part);

/**
 * A tool that shows pictures to a model in a folder of transformers.js's form. Throws a `VisplayError` of code "model" where
 * there is none of that kind.
 */
export async function openPipelineTool(
  kind: PipelineKind,
  folder: string,
  { setting, timeLimitMs }: PipelineOptions,
): Promise<PipelineTool> {
  const digest = await digestOf(folder, await precisionOf(folder, setting));
  const start = () => startThread(kind, folder, setting);
  const pool = new ThreadPool<PipelineThread>({ threads, start }, await start());
  return { tool: toolOf(kind, pool, timeLimitMs), digest };
}

function toolOf(kind: PipelineKind, pool: ThreadPool<PipelineThread>, timeLimitMs: number): Tool {
  const rest = {
    name: kind,
    isPure: true,
    keepsTime: true,
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
  switch (kind) {
    case "detect":
      return defineTool({
        ...rest,
        description: "finds objects in a picture or a part of it, with a box for each",
        arguments: detectArguments,
        async run({ threshold, ...given }, context) {
          const { whole, region, image } = partAt(context, given);
          const { signal } = context;
          const found = await callThread(pool, "detect", [image, threshold], { timeLimitMs, signal });
          const placed = found.map(({ box, ...label }) => ({
            ...rounded(label),
            box: boxIn(whole, region, box),
          }));
          return [JSON.stringify({ objects: placed })];
        },
      });
    case "classify":
      return defineTool({
        ...rest,
        description: "says what a picture or a part of it shows, the likeliest first",
        arguments: classifyArguments,
        async run({ most, ...given }, context) {
          const { image } = partAt(context, given);
          const { signal } = context;
          const labels = await callThread(pool, "classify", [image, most], { timeLimitMs, signal });
          return [JSON.stringify({ labels: labels.map(rounded) })];
        },
      });
    case "caption":
      return defineTool({
        ...rest,
        description: "describes a picture or a part of it in a sentence",
        arguments: captionArguments,
        async run(given, context) {
          const { image } = partAt(context, given);
          return [await callThread(pool, "caption", [image], { timeLimitMs, signal: context.signal })];
        },
      });
  }
}

function rounded({ label, score }: Label): Label {
  return { label, score: Math.round(1000 * score) / 1000 };
}

async function startThread(
  kind: PipelineKind,
  folder: string,
  setting: string,
): Promise<PoolThread<PipelineThread>> {
  const worker = new Worker(program, { name: kind });
  const calls = new ThreadCalls<PipelineThread>(worker, { name: kind, advice: "Its call has failed" });
  await calls.open(kind, folder, setting);
  return { worker, calls };
}
