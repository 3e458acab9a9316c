import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { inParallel } from "../../common/in_parallel.ts";
import { RandomStream } from "../../common/random.ts";
import { encodePng } from "../../images/encode.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";
import type { ReasonerEpisode, ReasonerRollout, RunEvent } from "../../replay/events.ts";
import { ReplayStore } from "../../replay/store.ts";
import { syntheticSteps } from "../synthetic_episodes.ts";

/** What is asked for and recorded in a step. */
export interface StepSize {
  readonly groups: number;
  /** G: completions of each. */
  readonly samples: number;
  /** Of each completion. */
  readonly tokens: number;
  /** Side of each group's picture, pixels. */
  readonly side: number;
}

/** What one Node process does with requests for groups. */
export interface ClientFigures {
  /** Requests for a group each, sent and answered, by the clock. */
  readonly perSecond: number;
  /** Time of its main thread for one: picture to PNG, request, answer. */
  readonly threadS: number;
  readonly peakBytes: number;
  /** Of a picture as PNG. */
  readonly imageBytes: number;
}

/** What our replay's writer does. */
export interface ReplayFigures {
  /** Rows of completions, by the clock. */
  readonly rowsPerSecond: number;
  /** Time of the main thread for one group. */
  readonly threadS: number;
}

const AT_ONCE = 64;
const program = fileURLToPath(new URL("./echo_server.js", import.meta.url));

/** Asks a server in another process for groups, pictures and all, as often as `requests` says. */
export async function measureClient(size: StepSize, requests: number): Promise<ClientFigures> {
  await using server = await startServer([`${size.samples}`, `${size.tokens}`]);
  const pictures = Array.from({ length: 4 }, (_, i) => picture(size.side, i));
  const ask = async (_: unknown, i: number): Promise<number> => {
    const png = await encodePng(pictures[i % pictures.length] as RgbImage);
    const chunks = [
      { type: "encoded_text", tokens: Array.from({ length: 200 }, (_, t) => t) },
      { type: "image", data: Buffer.from(png).toString("base64"), format: "png", expected_tokens: 256 },
    ];
    const sampling_params = { max_tokens: size.tokens, seed: i, temperature: 1 };
    const { request_id } = await post(server.url, "asample", {
      ...{
        num_samples: size.samples,
        sampling_session_id: "s",
        seq_id: i,
        prompt: { chunks },
        sampling_params,
      },
    });
    const { sequences } = await post(server.url, "retrieve_future", { request_id });
    if (sequences?.length !== size.samples) throw new Error(`found ${sequences?.length} sequences`);
    return png.length;
  };
  await inParallel(Array.from({ length: AT_ONCE }), AT_ONCE, ask);
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }, 20);
  const work = await threadTime(() => inParallel(Array.from({ length: requests }), AT_ONCE, ask));
  clearInterval(timer);
  const imageBytes = work.result.reduce((sum, bytes) => sum + bytes, 0) / requests;
  return { perSecond: requests / work.seconds, threadS: work.threadS / requests, peakBytes, imageBytes };
}

interface Answer {
  readonly request_id?: string;
  readonly sequences?: readonly unknown[];
}

async function post(url: string, path: string, body: object): Promise<Answer> {
  const answer = await fetch(`${url}/api/v1/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
  return (await answer.json()) as Answer;
}

/** Smooth waves with some noise, which compress about as photographs do. */
function picture(side: number, seed: number): RgbImage {
  const stream = new RandomStream(seed);
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
    return 128 + 60 * Math.sin((x + 7 * seed) / 23) + 50 * Math.cos(y / 31) + stream.integer(16);
  });
  return imageOf(side, side, data);
}

/** Records steps of the Reasoner, each with all of its groups, in a new replay. */
export async function measureReplay(folder: string, size: StepSize, steps: number): Promise<ReplayFigures> {
  const events = Array.from({ length: steps }, (_, step) => stepEvents(size, step));
  await using store = await ReplayStore.create(join(folder, "replay"));
  await store.append(stepEvents({ ...size, groups: 8 }, steps));
  const work = await threadTime(async () => {
    for (const step of events) await store.append(step);
  });
  const groups = steps * size.groups;
  return { rowsPerSecond: (groups * size.samples) / work.seconds, threadS: work.threadS / groups };
}

function stepEvents({ groups, samples, tokens }: StepSize, step: number): RunEvent[] {
  const found: RunEvent[] = [];
  for (const events of syntheticSteps(Number.POSITIVE_INFINITY, step))
    for (const event of events) {
      if (event.type !== "reasonerEpisode") continue;
      const rollouts = Array.from({ length: samples }, (_, i) => longer(event, i, tokens));
      found.push({ ...event, rollouts });
      if (found.length === groups) return found;
    }
  return found;
}

/** One of an episode's completions, with so many tokens. */
function longer({ rollouts }: ReasonerEpisode, i: number, length: number): ReasonerRollout {
  const rollout = rollouts[i % rollouts.length] as ReasonerRollout;
  const repeat = <T>(values: readonly T[]): T[] =>
    Array.from({ length }, (_, t) => values[t % values.length] as T);
  const logProbs = repeat(rollout.logProbs);
  return { ...rollout, tokens: repeat(rollout.tokens), logProbs, referenceLogProbs: logProbs };
}

/** What work gives, how long it took, and how long of that this thread was at it. */
async function threadTime<T>(
  work: () => Promise<T>,
): Promise<{ result: T; seconds: number; threadS: number }> {
  const beforeS = threadSeconds();
  const startedMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - startedMs) / 1000;
  return { result, seconds, threadS: threadSeconds() - beforeS };
}

/** Linux's clock ticks. */
const ticksPerSecond = 100;

/**
 * What this thread has had of a processor, s: unlike the time in which its event loop was not idle, that does not grow where others
 * want the processor, too. Where the system does not tell, it is that time.
 */
function threadSeconds(): number {
  const path = `/proc/self/task/${process.pid}/stat`;
  if (!existsSync(path)) return performance.eventLoopUtilization().active / 1000;
  // Behind the name, which may hold anything: user and system time are the 12th and the 13th field.
  const fields = readFileSync(path, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function startServer(args: readonly string[]): Promise<{ readonly url: string } & AsyncDisposable> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = await once(child.stdout, "data");
  return {
    url: `http://127.0.0.1:${String(port).trim()}`,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
}
