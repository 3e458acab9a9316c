import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VisplayError } from "../../../common/errors.ts";
import { imageOf } from "../../../images/image.ts";
import { ThreadedPolicy } from "../../../policy/parallel/threaded_policy.ts";
import type { Policy, Prompt } from "../../../policy/port.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { newTape, tokensOn } from "../../../policy/token_tape.ts";
import { askedIn } from "../../fakes/prompts.ts";
import {
  grpo,
  openTiny,
  picture,
  questions,
  rolloutGroups,
  sampling,
  tinyFolder,
  tinyOptions,
} from "../tiny.ts";

function openThreaded(name = "student"): Promise<ThreadedPolicy> {
  return ThreadedPolicy.open(tinyFolder, { ...tinyOptions, name });
}

let folder: string;
let threaded: ThreadedPolicy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-"));
  threaded = await openThreaded();
});
afterAll(async () => {
  await threaded[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** So large that it crosses in parts. */
const large = imageOf(
  1300,
  1200,
  new Uint8Array(1300 * 1200 * 3).map((_, i) => (i >> 9) % 251),
);

/** A bit of everything that a policy does; the weights after it are saved. */
async function lifeOf(policy: Policy, saved: string): Promise<unknown[]> {
  const prompts = [...questions(4, 2), promptAbout(large, "What is it?")];
  await policy.prepare(prompts.map((prompt) => askedIn(prompt).image));
  const features = await policy.features([large, ...prompts.map((prompt) => askedIn(prompt).image)], {
    weights: "reference",
  });
  const sampled = await policy.sample(prompts, sampling);
  const groups = rolloutGroups(prompts, sampled);
  const asked = prompts.map((prompt, i) => ({
    prompt,
    completions: sampled[i] ?? [],
  }));
  const reference = await policy.score(asked, { weights: "reference", temperature: 1 });
  const withReference = groups.map(({ prompt, rollouts }, i) => ({
    prompt,
    rollouts: rollouts.map((rollout, g) => ({
      ...rollout,
      advantage: i === 1 ? rollout.completion.logProbs.map((x) => x + g) : rollout.advantage,
      referenceLogProbs: reference[i]?.[g] as Float32Array,
      mask: new Uint8Array(rollout.completion.tokens.length).fill(1, 1),
    })),
  }));
  const lesson = prompts.map((prompt) => ({ prompt, completion: "two dots", weight: 0.5 }));
  const reports = [
    await policy.update(withReference, { ...grpo, beta: 0.04 }),
    await policy.supervise(lesson, { learningRate: 1e-3 }),
  ];
  const after = await policy.score(asked, { weights: "policy", temperature: 0.7 });
  await policy.save(saved);
  return [features, sampled, reference, reports, after, await policy.info()];
}

test("a thread computes what the calling thread would, bit for bit, also beside another", async () => {
  await using local = await openTiny();
  await using other = await openThreaded("other");
  const paths = ["local", "threaded", "other"].map((name) => join(folder, name)) as [string, string, string];
  const wanted = await lifeOf(local, paths[0]);
  await using one = await openThreaded("one");
  const [first, second] = await Promise.all([lifeOf(one, paths[1]), lifeOf(other, paths[2])]);
  expect(first).toEqual(wanted);
  expect(second).toEqual(wanted);
  const [weights, ...copies] = await Promise.all(
    paths.map((path) => readFile(join(path, "model.safetensors"))),
  );
  for (const copy of copies) expect(copy.equals(weights as Buffer)).toBe(true);
});

test("tokens of the first completion can be read while they are sampled, and change nothing", async () => {
  const prompts = questions(3, 2);
  const long = { ...sampling, maxTokens: 96, ignoreEos: true };
  const plain = await threaded.sample(prompts, long);
  const tape = newTape(long.maxTokens);
  const seen: Int32Array[] = [];
  let over = false;
  const sampled = threaded.sample(prompts, { ...long, tape }).finally(() => {
    over = true;
  });
  while (!over) {
    seen.push(tokensOn(tape));
    await sleep(1);
  }
  expect(await sampled).toEqual(plain);
  const tokens = plain[0]?.[0]?.tokens as Int32Array;
  expect(tokensOn(tape)).toEqual(tokens);
  expect(new Set(seen.map(({ length }) => length)).size).toBeGreaterThan(3);
  for (const part of seen) expect(part).toEqual(tokens.slice(0, part.length));
});

test("results own their memory", async () => {
  const [group] = await threaded.sample(questions(1), sampling);
  for (const { tokens, logProbs } of group ?? [])
    for (const { buffer, byteLength } of [tokens, logProbs]) expect(buffer.byteLength).toBe(byteLength);
});

test("the calling thread stays free while policies sample and learn", async () => {
  const prompts = questions(24);
  const delay = monitorEventLoopDelay({ resolution: 2 });
  const before = performance.eventLoopUtilization();
  delay.enable();
  await using policy = await openThreaded("watched");
  for (let step = 0; step < 3; step++) {
    const sampled = await policy.sample(prompts, { ...sampling, groupSize: 8, maxTokens: 40 });
    await policy.update(rolloutGroups(prompts, sampled), grpo);
  }
  delay.disable();
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.3);
  expect(delay.percentile(99) / 1e6).toBeLessThan(50);
});

describe("cancelling", () => {
  const endless = { ...sampling, groupSize: 16, maxTokens: 4000 };
  const cancelled = { code: "cancelled" };

  test("ends the call that runs between two graph runs; the next one is served", async () => {
    const prompts = questions(4);
    const controller = new AbortController();
    const running = threaded.sample(prompts, endless, controller.signal);
    const next = threaded.sample(prompts, sampling);
    setTimeout(() => controller.abort(), 50);
    const start = performance.now();
    await expect(running).rejects.toMatchObject(cancelled);
    expect(performance.now() - start).toBeLessThan(2000);
    expect((await next).length).toBe(4);
  });

  test("takes a waiting call out of the queue, and does not start an aborted one", async () => {
    const order: string[] = [];
    const controller = new AbortController();
    const first = threaded.sample(questions(4), sampling).then(() => order.push("first"));
    const waiting = threaded.sample(questions(4), endless, controller.signal);
    const last = threaded.info().then(() => order.push("last"));
    controller.abort();
    await expect(waiting).rejects.toMatchObject(cancelled);
    await expect(threaded.prepare([picture(5)], controller.signal)).rejects.toMatchObject(cancelled);
    await Promise.all([first, last]);
    expect(order).toEqual(["first", "last"]);
  });

  test("closing cancels what is under way, after which there are no more calls", async () => {
    const policy = await openThreaded("closing");
    const calls = [policy.sample(questions(2), endless), policy.sample(questions(2), endless)];
    const ends = Promise.allSettled(calls);
    await policy[Symbol.asyncDispose]();
    await policy[Symbol.asyncDispose]();
    for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: cancelled });
    await expect(policy.info()).rejects.toThrow('policy "closing" is closed');
  });
});

describe("errors", () => {
  test("cross with code, message, cause and the thread's stack", async () => {
    const broken = await mkdtemp(join(folder, "broken-"));
    await writeFile(join(broken, "config.json"), "{");
    const error = await ThreadedPolicy.open(broken, { ...tinyOptions, name: "broken" }).catch((e) => e);
    expect(error).toBeInstanceOf(VisplayError);
    expect(error).toMatchObject({ code: "model", name: "VisplayError" });
    expect(error.message).toMatch(/config\.json: not valid JSON/);
    expect(error.stack).toMatch(/model_files/);
    expect(error.cause).toMatchObject({ name: "SyntaxError", message: expect.stringMatching(/JSON/) });
  });

  test("of one call leave the policy as it was", async () => {
    const { version } = await threaded.info();
    await expect(threaded.update([], grpo)).rejects.toMatchObject({ name: "RangeError" });
    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(threaded.save(file)).rejects.toMatchObject({ code: "disk" });
    const strange = { turns: [{ role: "user", parts: [() => "not data"] }] } as unknown as Prompt;
    await expect(threaded.sample([strange], sampling)).rejects.toThrow();
    expect(await threaded.info()).toMatchObject({ version });
  });
});

/** A thread that runs the given program. */
function thread(program: string): Worker {
  return new Worker(`const { parentPort } = require("node:worker_threads");\n${program}`, { eval: true });
}

describe("a thread that dies", () => {
  const deaths = [
    { how: "by exit", program: `parentPort.on("message", () => process.exit(3));`, message: /exit code 3/ },
    {
      how: "by error",
      program: `parentPort.on("message", () => { throw Error("boom"); });`,
      message: /boom/,
    },
    { how: "at once", program: `throw Error("no start");`, message: /no start/ },
  ];

  test.each(deaths)("$how: all its calls reject, then and later", async ({ program, message }) => {
    const policy = new ThreadedPolicy(thread(program), "doomed");
    const error = { code: "run", message: expect.stringMatching(message) };
    const calls = await Promise.allSettled([policy.info(), policy.save("somewhere")]);
    for (const call of calls) expect(call).toMatchObject({ status: "rejected", reason: error });
    await expect(policy.info()).rejects.toMatchObject({
      ...error,
      message: expect.stringMatching(/"doomed"/),
    });
    await policy[Symbol.asyncDispose]();
  });
});

test("an image crosses once while the thread holds it", async () => {
  const program = `
    const seen = [];
    parentPort.on("message", ({ kind, id, images, args }) => {
      if (kind === "pixels") seen.push("+" + id);
      if (kind === "forget") seen.push(...images.map((image) => "-" + image));
      if (kind === "call") parentPort.postMessage({ id, result: seen.splice(0) });
    });`;
  const [a, b, c] = [0, 1, 2].map((k) => ({ ...picture(k), id: "abc"[k] as string })) as [
    Image,
    Image,
    Image,
  ];
  const policy = new ThreadedPolicy(thread(program), "counting", 2 * a.data.length);
  const seen = async (...images: readonly Image[]) =>
    (await policy.prepare(images)) as unknown as readonly string[];
  expect(await seen(a, a, b)).toEqual(["+a", "+b"]);
  expect(await seen(b, a)).toEqual([]);
  expect(await seen(c)).toEqual(["+c"]);
  expect(await seen(a)).toEqual(["-b"]);
  expect(await seen(a, b, c)).toEqual(["+b"]);
  expect(await seen(b)).toEqual(["-a"]);
  await policy[Symbol.asyncDispose]();
});

test("an argument that is a part of a buffer crosses without the rest", async () => {
  const program = `parentPort.on("message", ({ id, args }) => {
    parentPort.postMessage({ id, result: args[0]?.[0].completions[0].tokens.buffer.byteLength });
  });`;
  const policy = new ThreadedPolicy(thread(program), "measuring");
  const completions = [{ tokens: new Int32Array(1000).subarray(10, 13) }];
  const prompt: Prompt = { turns: [] };
  const options = { weights: "policy", temperature: 1 } as const;
  expect(await policy.score([{ prompt, completions }], options)).toBe(12);
  await policy[Symbol.asyncDispose]();
});

type Image = ReturnType<typeof picture>;
