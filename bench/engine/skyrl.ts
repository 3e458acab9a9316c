/**
 * `npm run bench:skyrl`: our client against a real server on this machine, SkyRL with its JAX backend on the CPU and a tiny random
 * Qwen3, which knows text alone: what is sampled, scored, learnt, saved and gone on with, and that it loses images is seen.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { program } from "commander";
import { RandomStream } from "../../common/random.ts";
import { readModelFolder } from "../../policy/embedded/registry.ts";
import type { Completion, TrainingGroup, UpdateOptions } from "../../policy/port.ts";
import { promptOf } from "../../policy/prompts.ts";
import { checkEngine } from "../../policy/remote/check.ts";
import { EngineClient } from "../../policy/remote/client.ts";
import type { SequenceTools } from "../../policy/remote/sequences.ts";
import { EngineSession } from "../../policy/remote/session.ts";
import { TinkerPolicy } from "../../policy/remote/tinker_policy.ts";
import { type Figures, figuresTable, writeFigures } from "../figures.ts";
import { time } from "../measure.ts";
import { embeddedModel, scratchFolder } from "../models.ts";
import { adapters, hasEnvironment, makeEnvironment, type SkyrlServer, startSkyrl } from "./skyrl_server.ts";

const { json, setup } = program
  .name("npm run bench:skyrl --")
  .description("drive SkyRL on the CPU of this machine")
  .option("--json <file>", "where to write the figures")
  .option("--setup", "make the server's environment first: 3 GB from PyPI, 7 GB of disk, Python 3.12", false)
  .parse()
  .opts<{ json?: string; setup: boolean }>();

const lora = { rank: adapters.rank, seed: 0 };
const prompts = ["how many circle ?", "what colour is the star ?"].map(promptOf);
const sampling = { groupSize: 4, temperature: 1, topK: 0, topP: 1, maxTokens: 16, seed: 3 };
const update: UpdateOptions = {
  ...{ loss: "dapo", clipLow: 0.2, clipHigh: 0.3, importanceCap: null, beta: 0 },
  ...{ temperature: 1, maxTokens: 16, learningRate: 1e-2 },
};

if (setup) await makeEnvironment();
if (hasEnvironment()) {
  const figures = await drive();
  console.log(`\n${figuresTable(figures)}`);
  if (json) await writeFigures(json, figures);
} else console.log("skipped: the server's environment is not there; --setup makes it");

async function drive(): Promise<Figures> {
  await using scratch = await scratchFolder();
  const vocabulary = await embeddedModel(scratch.path);
  const tools = await (await readModelFolder(vocabulary)).define();
  const folder = join(scratch.path, "server");
  await mkdir(folder);
  process.stderr.write("the server …\n");
  await using server = await startSkyrl(folder, vocabulary);
  const figures = await train(server, tools, join(scratch.path, "state"));
  process.stderr.write("the check …\n");
  console.log(`images are refused: ${await imagesLost(server, tools)}`);
  return { start_s: { value: server.startS, unit: "s" }, ...figures };
}

/** Why the check does not let pictures to a server that knows text alone: it sees that they are lost. */
async function imagesLost(server: SkyrlServer, tools: SequenceTools): Promise<string> {
  const { baseModel } = server;
  const { imagesLost: found } = await checkEngine(clientOf(server), tools, { baseModel, lora });
  if (found === null) throw new Error("a model of text alone was not seen to lose pictures");
  return found;
}

/** Samples, scores and learns, saves, and goes on in another policy to the same. */
async function train(server: SkyrlServer, tools: SequenceTools, state: string): Promise<Figures> {
  process.stderr.write("sampling, scoring, learning …\n");
  const policy = await openPolicy(server, tools);
  await policy.sample(prompts, sampling);
  const sampled = await time(() => policy.sample(prompts, sampling));
  const again = await policy.sample(prompts, sampling);
  const groups = prompts.map((prompt, p) => ({ prompt, completions: sampled.result[p] as Completion[] }));
  const options = { weights: "policy", temperature: 1 } as const;
  const scores = await policy.score(groups, options);
  const lesson = lessonOf(groups);
  await policy.update(lesson, update);
  const learned = await time(() => policy.update(lesson, update));
  const moved = await policy.score(groups, options);
  const base = await policy.score(groups, { ...options, weights: "reference" });
  await policy.saveState(state);
  await policy.update(lesson, update);
  const further = await policy.score(groups, options);
  await policy[Symbol.asyncDispose]();

  const other = await openPolicy(server, tools);
  await other.loadState(state);
  const resumed = await other.score(groups, options);
  const { version } = await other.update(lesson, update);
  const resumedFurther = await other.score(groups, options);
  await other[Symbol.asyncDispose]();
  const tokens = sampled.result.flat().reduce((sum, { tokens: { length } }) => sum + length, 0);
  const differs = (a: readonly Float32Array[][], b: readonly Float32Array[][]): Figures[string] => ({
    value: Math.max(
      ...a.flatMap((group, p) => group.map((own, g) => furthest(own, b[p]?.[g] as Float32Array))),
    ),
    unit: "nats, the furthest token",
  });
  const own = sampled.result.map((group) => group.map(({ logProbs }) => logProbs));
  return {
    sample_tokens_per_s: { value: tokens / sampled.seconds, unit: "tokens/s" },
    same_samples: { value: share(again.flat(), sampled.result.flat()), unit: "share" },
    sampled_scored: differs(own, scores),
    update_s: { value: learned.seconds, unit: "s" },
    learned: differs(scores, moved),
    base_scored: differs(base, scores),
    resumed: differs(resumed, moved),
    resumed_update: differs(resumedFurther, further),
    version: { value: version, unit: "updates" },
  };
}

/** The first completion of each group was right. */
function lessonOf(
  groups: readonly {
    readonly prompt: TrainingGroup["prompt"];
    readonly completions: readonly Completion[];
  }[],
): TrainingGroup[] {
  return groups.map(({ prompt, completions }) => ({
    prompt,
    rollouts: completions.map((completion, i) => ({ completion, advantage: i === 0 ? 1.5 : -0.5 })),
  }));
}

function furthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
}

function share(a: readonly Completion[], b: readonly Completion[]): number {
  return a.filter(({ tokens }, i) => `${tokens}` === `${b[i]?.tokens}`).length / a.length;
}

async function openPolicy(server: SkyrlServer, tools: SequenceTools): Promise<TinkerPolicy> {
  const session = await EngineSession.open(clientOf(server), "bench");
  const optimizer = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: null };
  const { baseModel } = server;
  return new TinkerPolicy(session, tools, {
    ...{ name: "bench", baseModel, lora, optimizer, window: 4, reduction: "mean" },
  });
}

/** Everything is compiled when it first comes, which takes minutes where others work, too. */
function clientOf({ url }: SkyrlServer): EngineClient {
  const stream = new RandomStream(0);
  const timing = {
    now: () => performance.now(),
    sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, signal ? { signal } : {}),
    random: () => stream.uniform(),
  };
  const patience = { patienceMs: 15 * 60_000, timeoutMs: 6 * 60_000 };
  return new EngineClient({ url, keyName: "TINKER_API_KEY", key: null }, { timing, ...patience });
}
