import { existsSync, readFileSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Alarms } from "../arena/alarms.ts";
import { CheckpointStore, latestCheckpoint } from "../arena/checkpoints/checkpoint_store.ts";
import { RunSettingsSchema, runConfig } from "../arena/config/config.ts";
import { builtEvent, emptyCurriculum, withEpisode } from "../arena/curriculum.ts";
import { noGateSums } from "../arena/gate_audit.ts";
import { type RunState, STATE_VERSION } from "../arena/run_state.ts";
import { RandomStream } from "../common/random.ts";
import { openPolicy } from "../policy/parallel/open_policy.ts";
import { type EventBody, REPLAY_VERSION, type RunEvent } from "../replay/events.ts";
import { ReplayReader } from "../replay/reader.ts";
import { REPLAY_NAME } from "../replay/schema.ts";
import { SELF_PLAY } from "../replay/self_play.ts";
import { ReplayStore } from "../replay/store.ts";
import { TensorBoard } from "../watch/tensorboard.ts";
import type { Figures } from "./figures.ts";
import { median, time } from "./measure.ts";
import { embeddedModel } from "./models.ts";
import { policyOptions } from "./prompts.ts";
import { syntheticSteps } from "./synthetic_episodes.ts";
import { curriculumChunks, QUESTIONS_PER_IMAGE, reasonerStep } from "./synthetic_round.ts";

export interface LongRunSize {
  /** Items of the curriculum. */
  readonly items: number;
  /** Steps of the Reasoner. */
  readonly steps: number;
  /** How often what is asked of the run is asked, for the median of the times (default 11). */
  readonly repeats?: number;
}

const config = runConfig(RunSettingsSchema.parse({}));
const stepsAtOnce = 1000;
const itemsPerStep = 32;

/**
 * A run of one round, recorded as the arena does it but many steps at a time, and then what going on with it costs: the
 * state that a checkpoint holds, opening and reading the replay, and one more step.
 */
export async function longRun(scratch: string, size: LongRunSize): Promise<Figures> {
  const folder = join(scratch, "long");
  await mkdir(folder, { recursive: true });
  using memory = new OwnMemory();
  const recorded = await record(folder, size);
  const replay = await goOn(folder, recorded.state, size);
  const { peakBytes } = memory;
  return {
    items: { value: size.items, unit: "items" },
    steps: { value: size.steps, unit: "steps" },
    record_s: { value: recorded.seconds, unit: "s" },
    replay_bytes: { value: (await stat(join(folder, REPLAY_NAME))).size, unit: "bytes" },
    state_bytes: { value: JSON.stringify(recorded.state).length, unit: "bytes" },
    ...replay,
    peak_mb: { value: peakBytes / 1e6, unit: "MB" },
    ...(await checkpoints(scratch, folder, recorded.state, size)),
  };
}

/** Records the run, and gives the state that it comes to. */
async function record(
  folder: string,
  { items, steps }: LongRunSize,
): Promise<{ state: RunState; seconds: number }> {
  const alarms = new Alarms(config.alarms);
  let curriculum = emptyCurriculum;
  await using store = await ReplayStore.create(folder);
  const append = async (bodies: readonly EventBody[]): Promise<void> => {
    const raised = alarms.after(bodies);
    for (const body of bodies)
      if (body.type === "curriculumEpisode") curriculum = withEpisode(curriculum, body, null);
    await store.append([...bodies, ...raised].map(stamp));
  };
  const { seconds } = await time(async () => {
    await append([{ type: "phaseStarted", round: 1, phase: "curriculum", steps: 1 }]);
    for (const chunk of curriculumChunks(items)) await append(chunk);
    await append([
      builtEvent(curriculum, 1, false),
      { type: "phaseStarted", round: 1, phase: "reasoner", steps },
    ]);
    for (let first = 0; first < steps; first += stepsAtOnce) {
      const count = Math.min(stepsAtOnce, steps - first);
      const made = Array.from({ length: count }, (_, i) => stepAndCheckpoint(first + i, steps));
      await append(made.flat());
      if (first % (100 * stepsAtOnce) === 0) process.stderr.write(`${first} of ${steps} steps …\n`);
    }
  });
  const state: RunState = {
    version: STATE_VERSION,
    next: { stage: 0, round: 1, leg: "reasoner", step: steps },
    replay: store.position,
    ...{
      warmUpSteps: 0,
      emptyRounds: 0,
      scores: null,
      safety: null,
      suiteBefore: null,
      widening: null,
      updatesBefore: {},
      playedMs: 900 * steps,
      phaseMs: 900 * steps,
    },
    curriculum,
    sample: [],
    gate: noGateSums,
    alarms: alarms.state(),
  };
  return { state, seconds };
}

function stepAndCheckpoint(step: number, steps: number): EventBody[] {
  const made = reasonerStep(step, steps);
  if ((step + 1) % config.checkpoint.everySteps !== 0) return [made];
  const id = `${String(step + 1).padStart(6, "0")}-round-1-reasoner-${step + 1}`;
  return [made, { type: "checkpointSaved", round: 1, id, bytes: 23e6, durationMs: 200 }];
}

function stamp(body: EventBody): RunEvent {
  return { version: REPLAY_VERSION, atMs: Date.now(), stage: SELF_PLAY, ...body };
}

/** What a resume does with the replay before its first step, and what that step asks of it. */
async function goOn(
  folder: string,
  { replay }: RunState,
  { items, repeats = 11 }: LongRunSize,
): Promise<Figures> {
  const read = await time(async () => {
    using reader = ReplayReader.open(folder);
    return [...reader.milestones()].length;
  });
  const opened = await time(() => ReplayStore.open(folder));
  await using store = opened.result;
  const resumed = await time(() => store.resume(replay));
  const charted = await time(async () => {
    using reader = ReplayReader.open(folder);
    const history = function* (steps: number) {
      for (const { event } of reader.milestones({ steps })) yield event;
    };
    const charts = await TensorBoard.start({ folder, config, history, warn: console.error });
    await charts[Symbol.asyncDispose]();
  });
  const stream = new RandomStream(1);
  const places = () => Array.from({ length: itemsPerStep }, () => stream.integer(items));
  const images = () =>
    Array.from({ length: itemsPerStep }, () =>
      stream
        .integer(items / QUESTIONS_PER_IMAGE)
        .toString(16)
        .padStart(32, "0"),
    );
  const steps = syntheticSteps(Number.POSITIVE_INFINITY, 7);
  return {
    milestones_ms: ms(read.seconds),
    open_ms: ms(opened.seconds),
    go_back_ms: ms(resumed.seconds),
    charts_ms: ms(charted.seconds),
    items_ms: await repeat(repeats, () => store.curriculum(1, places())),
    admitted_ms: await repeat(repeats, () => store.admittedQuestions(images())),
    append_ms: await repeat(repeats, () => store.append(steps.next().value ?? [])),
  };
}

/** Saving the state with both policies of the embedded model, and finding it again. */
async function checkpoints(
  scratch: string,
  folder: string,
  state: RunState,
  { repeats = 11 }: LongRunSize,
): Promise<Figures> {
  const model = await embeddedModel(scratch);
  const open = (name: string) =>
    openPolicy(model, { ...policyOptions(1), microBatchTokens: null, name, replicas: 1 });
  await using questioner = await open("questioner");
  await using reasoner = await open("reasoner");
  const store = new CheckpointStore({ folder, config, attempt: 1, room: async () => {} });
  return {
    save_ms: await repeat(repeats, () => store.save(state, { questioner, reasoner })),
    load_ms: await repeat(repeats, () => latestCheckpoint(folder, () => {})),
  };
}

/** The most memory that this process had for itself, without files that it maps; all of it where that is not told. */
class OwnMemory implements Disposable {
  peakBytes = 0;
  readonly #timer: NodeJS.Timeout = setInterval(() => this.#look(), 100);

  #look(): void {
    const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
    const own = /^RssAnon:\s+(\d+) kB/m.exec(status)?.[1];
    const bytes = own === undefined ? process.memoryUsage.rss() : 1024 * Number(own);
    this.peakBytes = Math.max(this.peakBytes, bytes);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

async function repeat(repeats: number, work: () => Promise<unknown>): Promise<Figures[string]> {
  const taken: number[] = [];
  for (let i = 0; i < repeats; i++) taken.push((await time(work)).seconds);
  return ms(median(taken));
}

function ms(seconds: number): Figures[string] {
  return { value: 1000 * seconds, unit: "ms" };
}
