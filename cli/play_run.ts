import { play, type SavedRun } from "../arena/arena.ts";
import { CheckpointStore } from "../arena/checkpoints/checkpoint_store.ts";
import { waitForRoom } from "../arena/checkpoints/free_space.ts";
import type { RunConfig, RunSettings } from "../arena/config/config.ts";
import { hasStage, type Stage } from "../arena/config/stages.ts";
import { withoutSecrets } from "../arena/config/watch.ts";
import { evaluator } from "../arena/evaluation.ts";
import { stageAt } from "../arena/run_state.ts";
import { emptySummary, summarize, withSummary } from "../arena/summary.ts";
import { steadyClock } from "../common/clock.ts";
import { VisplayError } from "../common/errors.ts";
import { shellWord } from "../common/shell_word.ts";
import { ActivityView } from "../policy/embedded/activity.ts";
import type { RunEvent } from "../replay/events.ts";
import type { EventLog } from "../replay/log.ts";
import type { Pins } from "../replay/pins.ts";
import { openMetrics, openWatchers } from "../watch/open_watchers.ts";
import { openAudited } from "./audited.ts";
import { compareInputs, inputsOf, otherStarts, startInputs } from "./inputs.ts";
import { drive, type Interrupt } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { openMaterials } from "./materials.ts";
import { openModel } from "./model.ts";
import { firstEstimate, outlook } from "./outlook.ts";
import { programName } from "./program_name.ts";
import { resultText, taughtNothingError } from "./result.ts";
import { about, type Earlier, type Opening } from "./run_images.ts";
import { RunLine } from "./run_line.ts";
import { StagePlayers } from "./stage_players.ts";
import { print } from "./terminal.ts";
import { openWebhook } from "./webhook.ts";

/** A run's folder, to be played from its beginning or from where an earlier process left it; let go when disposed. */
export interface RunSession extends AsyncDisposable {
  readonly folder: string;
  readonly log: EventLog;
  readonly saved: SavedRun | null;
  /** Records what the run is made of from now on. */
  pin(pins: Pins): Promise<void>;
  /** The same of all but images. */
  pinInputs(inputs: Pins["inputs"]): Promise<void>;
  /** How often the run was started, this time included. */
  readonly attempt: number;
  /** What earlier processes recorded of it and still counts, in little: as `ReplayReader.milestones`. */
  milestones(steps: number): Iterable<RunEvent>;
}

/** What a run goes on from, nulls where it is a new one, and how far it is to go. */
export interface Beginning {
  /** It has to be made of the same. */
  readonly earlier: Earlier<Pins> | null;
  readonly saved: SavedRun | null;
  /** Whether it is to stop before the next Reasoner phase (default false). */
  readonly untilCurriculum?: boolean;
}

/** Opens model, images and policies, then the session, plays the run to its end, and shows what came of it. */
export async function playRun(
  settings: RunSettings,
  interrupt: Interrupt,
  { earlier, saved, untilCurriculum = false }: Beginning,
  open: (config: RunConfig, opening: Opening) => Promise<RunSession>,
): Promise<void> {
  const arrived = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, arrived.signal]);
  const model = await openModel(withoutSecrets(settings), signal);
  const { config } = model;
  const activities = { questioner: new ActivityView(), reasoner: new ActivityView() };
  const runLine = new RunLine(config, activities);
  using line = new LiveLine((nowMs) => runLine.line(nowMs));
  const say = (text: string): void => line.say(text);

  // Both are closed last, when nothing waits for them but the process.
  await using hook = openWebhook(settings, say);
  await using metrics = await openMetrics(config.watch, say);
  const opening: Opening = { signal, say, show: (text: string) => runLine.wait(text) };
  await using materials = await openMaterials(model, opening, earlier);
  const { images, truth, list, templates, labelled, environments, toolkits, encode, checkers, tests } =
    materials;
  const audited = await openAudited(config, images, opening);
  const stage = stageAt(config, saved?.state.next ?? null);
  const inputs = {
    ...(await inputsOf(model, templates, opening)),
    ...materials.inputs,
    ...(earlier && (await startInputs(stage, earlier.run, opening))),
  };
  const had = earlier && about(earlier, "inputs");
  if (had) compareInputs(inputs, stage, had, say);
  runLine.wait(null);
  await using players = new StagePlayers(model, activities);
  const { policies } = await players.open(stage, earlier?.run ?? "");
  if (tests.of(config.evaluation) !== null && !(await policies.reasoner.info()).trainsImages)
    say("the image encoder is frozen: it stays as it is, and evaluations do not probe it");
  await using session = await open(config, opening);
  // What other stages start from is compared once one goes on in them.
  let pinned: Pins["inputs"] = { ...otherStarts(had?.had ?? {}, stage), ...inputs };
  await session.pin({ images: list, inputs: pinned });
  const { folder, log, attempt } = session;
  let summary = emptySummary;
  for (const event of session.milestones(0)) summary = summarize(summary, event);
  hook?.about(folder);
  const activity = () => runLine.activity(steadyClock.now());
  const watched = { folder, config, attempt, history: session.milestones, activity };
  await using watchers = await openWatchers(watched, [metrics, hook], say);
  say(`run ${folder}`);
  if (config.model.name !== "tiny" && hasStage(config, "self_play")) say(outlook(config, images.length));

  const waits = (reason: string | null): void => {
    runLine.wait(reason);
    watchers.wait?.(reason);
  };
  const room = (bytes: number): Promise<void> => waitForRoom(folder, bytes, { say, waits, stop: signal });
  const ports = {
    open: (stage: Stage) => players.open(stage, folder),
    ...{ images, labelled, environments, toolkits, encode, checkers, truth, audited, templates, folder },
    pinStart: async (next: Stage) => {
      pinned = { ...pinned, ...(await startInputs(next, folder, opening)) };
      await session.pinInputs(pinned);
    },
    log: withSummary(log, folder, summary),
    clock: steadyClock,
    stop: signal,
    checkpoints: new CheckpointStore({ folder, config, attempt, room }),
    evaluate: evaluator(config, tests.of(config.evaluation), { templates, encode, checkers }),
  };
  try {
    await drive(play(config, ports, session.saved), (event) => {
      summary = summarize(summary, event);
      const text = runLine.apply(event);
      if (text) say(text);
      if (isFirstStep(event) && config.model.name !== "tiny")
        say(firstEstimate(config, images.length, event));
      watchers.apply(event);
      if (untilCurriculum && event.type === "phaseStarted" && event.phase === "reasoner")
        arrived.abort(new VisplayError("cancelled", "the curriculum is there"));
    });
  } catch (error) {
    if (arrived.signal.aborted && !interrupt.signal.aborted && error === arrived.signal.reason) return;
    const stood = runLine.lastLine(steadyClock.now());
    if (stood) say(stood);
    watchers.fail(error);
    throw error;
  } finally {
    line[Symbol.dispose]();
    if (summary.rounds.length > 0) print(resultText(config, summary));
    print(`the run's folder: ${folder}`);
    if (signal.aborted) print(`to go on: ${programName()} resume ${shellWord(folder)}`);
  }
  if (summary.taught === false) throw taughtNothingError(config, summary);
}

function isFirstStep(event: RunEvent): event is RunEvent & { readonly type: "questionerStep" } {
  return event.type === "questionerStep" && event.round === 1 && event.step === 0;
}
