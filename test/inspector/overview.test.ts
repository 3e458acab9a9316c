import { expect, test } from "vitest";
import { FollowedOverview, overviewOf } from "../../inspector/overview.ts";
import type { EventBody, RunEvent } from "../../replay/events.ts";
import {
  alarm,
  at,
  coEvolution,
  finished,
  phaseStarted,
  questionerAudited,
  questionerStep,
  reasonerStep,
  saved,
} from "../fakes/run_events.ts";
import { plainEpisode, RandomEvents } from "../replay/events.ts";
import { writeReplay } from "./replays.ts";

const phaseFinished = (phase: "questioner" | "reasoner", durationMs: number): EventBody => ({
  ...{ type: "phaseFinished", round: 1, phase, durationMs, figures: null },
});
const started: EventBody = { type: "runStarted", release: "1", config: { rounds: 1 }, images: 7, models: {} };
const resumed: EventBody = {
  ...{ type: "runResumed", release: "2", config: { rounds: 1, changed: true }, images: 7 },
  ...{ checkpoint: "one", round: 1, leg: "reasoner", step: 1 },
};
const reasonerAt = (seconds: number, step: number): RunEvent[] => [
  { ...plainEpisode({ step }), atMs: 1000 * seconds },
  at(seconds, reasonerStep({ step, meanReward: step / 10 })),
];

/** A run that died at 60 s, two steps after its checkpoint, and went on from there at 100 s. */
const before = [
  at(0, started),
  at(1, phaseStarted(1, "questioner", 1)),
  at(9, questionerStep()),
  at(10, phaseFinished("questioner", 9000)),
  at(11, phaseStarted(1, "reasoner", 4)),
  ...reasonerAt(20, 0),
  at(21, saved),
];
const lost = [...reasonerAt(40, 1), at(45, alarm), ...reasonerAt(60, 2)];
const after = [
  at(100, resumed),
  ...reasonerAt(110, 1),
  ...reasonerAt(120, 2),
  ...reasonerAt(130, 3),
  at(131, phaseFinished("reasoner", 50_000)),
  at(140, finished),
];

async function resumedRun() {
  const replay = await writeReplay([...before, ...lost]);
  replay.writer.resume(before.length);
  replay.writer.append(after);
  return replay;
}

test("what each round asked is told by round, without what a resume has superseded", async () => {
  await using replay = await writeReplay([
    ...[at(0, started), at(1, questionerAudited(1, 9)), at(2, coEvolution(1, 90))],
    ...[at(3, questionerAudited(2, 40)), at(4, coEvolution(2, 10))],
  ]);
  replay.writer.resume(3);
  replay.writer.append([at(5, resumed), at(6, questionerAudited(2, 5)), at(7, coEvolution(2, null))]);
  const { asked } = overviewOf(replay.reader);
  expect(
    asked.map(({ round, figures }) => [round, figures.falseAccepts?.percent, figures.baseAccuracy?.percent]),
  ).toEqual([
    [1, 9, 90],
    [2, 5, undefined],
  ]);
  expect(asked.map(({ kinds }) => kinds.sum?.questions)).toEqual([40, undefined]);
});

test("a phase over a resume is shown in its stretches: what counts, what was lost, what was played again", async () => {
  await using replay = await resumedRun();
  const { spans } = overviewOf(replay.reader);
  expect(
    spans.map(({ attempt, superseded, round, phase, startedMs, endedMs, steps }) => [
      ...[attempt, superseded, round, phase, steps, startedMs / 1000, endedMs && endedMs / 1000],
    ]),
  ).toEqual([
    [1, false, 1, "questioner", 1, 1, 10],
    [1, false, 1, "reasoner", 4, 11, 21],
    [1, true, 1, "reasoner", 4, 21, 60],
    [2, false, 1, "reasoner", 4, 100, 131],
  ]);
});

test("figures, episodes and alarms are those that count; marks tell of both attempts", async () => {
  await using replay = await resumedRun();
  const { about, steps, alarms, marks, config, release, counts } = overviewOf(replay.reader);
  const reasoner = steps.find(({ phase }) => phase === "reasoner");
  expect([reasoner?.step, reasoner?.atMs]).toEqual([
    [0, 1, 2, 3],
    [20_000, 110_000, 120_000, 130_000],
  ]);
  expect(reasoner?.figures.reward).toEqual([0, 0.1, 0.2, 0.3]);
  expect(alarms).toEqual([]);
  expect(marks.map(({ attempt, kind, atMs }) => [attempt, kind, atMs / 1000])).toEqual([
    [1, "checkpoint", 21],
    [1, "alarm", 45],
    [2, "resumed", 100],
    [2, "finished", 140],
  ]);
  expect([config, release]).toEqual([{ rounds: 1, changed: true }, "2"]);
  expect(about).toMatchObject({
    startedMs: 0,
    lastMs: 140_000,
    rounds: 1,
    planned: 1,
    images: 7,
    episodes: 4,
  });
  expect(counts.map(({ superseded, episodes }) => [superseded, episodes])).toEqual([
    [false, 4],
    [true, 2],
  ]);
});

test("a phase that goes on has no end, and one that was stopped ends there", async () => {
  await using replay = await writeReplay([at(0, started), at(1, phaseStarted(1, "questioner", 4))]);
  expect(overviewOf(replay.reader).spans).toMatchObject([{ startedMs: 1000, endedMs: null }]);
  replay.writer.append([at(5, questionerStep()), at(7, { type: "runStopped" })]);
  expect(overviewOf(replay.reader).spans).toMatchObject([{ startedMs: 1000, endedMs: 7000 }]);
});

test("of a run that goes on only what came since is read, and what is told is the whole", async () => {
  const random = new RandomEvents(5);
  await using replay = await writeReplay([at(0, started)]);
  const followed = new FollowedOverview(replay.reader);
  const isSame = () => expect(followed.tell()).toEqual(overviewOf(replay.reader));
  isSame();
  // Steps in their thousands, so that the ones that are shown are thinned out again and again.
  for (let batch = 0; batch < 12; batch++) {
    const steps = Array.from({ length: 400 }, (_, step) =>
      at(step, reasonerStep({ round: batch + 1, step })),
    );
    replay.writer.append([...random.events(15), ...steps]);
    isSame();
  }
  replay.writer.resume(2000);
  isSame();
  replay.writer.append([at(9000, resumed), ...reasonerAt(9001, 7)]);
  isSame();
  expect(followed.tell().steps.flatMap(({ step }) => step).length).toBeGreaterThan(300);
});
