import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { emptySummary, summarize, withSummary } from "../../arena/summary.ts";
import type { EvaluationReport, EventBody, RunEvent, Scores } from "../../replay/events.ts";
import { at, attributed, coEvolution, questionerAudited } from "../fakes/run_events.ts";
import { MemoryLog } from "../fakes/world.ts";

const scores = (percent: number): Scores => {
  const estimate = { percent, low: percent - 5.001, high: percent + 5 };
  return {
    ...{ questions: 10, greedy: estimate, mean8: estimate, mean8_t06: estimate, maj8: estimate },
    ...{ pass8: estimate, blind: estimate, abstention: estimate, parseFailure: estimate },
  };
};
const report: EvaluationReport = {
  ...{ samples: 8, overall: scores(70.128), families: { count: scores(60) } },
  attribution: { overall: attributed({ grounding: 0.25 }), families: { count: attributed({}) } },
  looking: { dependence: { percent: -1.2345, low: -9.999, high: 7.5 } },
  calibration: { votesBrier: { percent: 12.3456, low: 10, high: 15.009 } },
  outcomes: null,
};
const event = (body: EventBody): RunEvent => at(0, body);
const evaluated = (round: number) => event({ type: "evaluated", round, phase: "evaluation", report });
const built = event({
  ...{ type: "curriculumBuilt", round: 1, phase: "curriculum", images: 9, questions: 50, admitted: 40 },
  ...{ rejected: {}, confidences: [] },
  audit: { meaningful: 0.98765, silverCorrect: null, silverCorrectByConfidence: [], kinds: {} },
});
const saved = event({ type: "modelsSaved", round: 1, folders: { questioner: "q", reasoner: "r" } });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "summary-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("gathers what is known of each round, in percent; round 0 is the base", () => {
  const finished = event({ type: "runFinished", rounds: 1, durationMs: 7, updates: null });
  const summary = [evaluated(0), built, evaluated(1), saved, finished].reduce(summarize, emptySummary);
  expect(summary).toMatchObject({ status: "finished", durationMs: 7, failedRollouts: 0 });
  const [base, first] = summary.rounds;
  expect(summary.rounds).toHaveLength(2);
  expect(base).toMatchObject({ round: 0, greedy: 70.13, mean8_t06: 70.13, silver: null, models: null });
  expect(base?.intervals.greedy).toEqual([65.13, 75.13]);
  expect(base?.families.count?.maj8).toBe(60);
  expect(base?.looking).toEqual({ dependence: { percent: -1.23, low: -10, high: 7.5 } });
  expect(base?.attribution?.overall.grounding).toEqual({ percent: 25, low: 17.55, high: 34.3 });
  expect(base?.attribution?.families.count?.grounding?.percent).toBe(0);
  expect(first).toMatchObject({ round: 1, silver: null, meaningful: 98.77, admitted: 40, pass8: 70.13 });
  expect(first?.models).toEqual({ questioner: "q", reasoner: "r" });
});

it("gathers what the questions of a round were, and how hard each kind is for the base", () => {
  const audit = { meaningful: 1, silverCorrect: 1, silverCorrectByConfidence: [] };
  const kinds = { sum: { asked: 30, admitted: 20 }, exist: { asked: 3, admitted: 3 } };
  const counted = { ...built, audit: { ...audit, kinds } } as RunEvent;
  const events = [event(questionerAudited(1, 5)), counted, event(coEvolution(1, 88.126))];
  const [round] = events.reduce(summarize, emptySummary).rounds;
  expect(round?.asked).toMatchObject({
    falseAccepts: { percent: 5, low: 1, high: 8 },
    unearned: { percent: 25 },
    baseAccuracy: { percent: 88.13, low: 84.13, high: 91.13 },
    reasonerConfidence: { percent: 94 },
  });
  expect(round?.kinds).toEqual({
    sum: { asked: 30, admitted: 20, baseAccuracy: { percent: 60.13, low: 56.13, high: 63.13 } },
    exist: { asked: 3, admitted: 3, baseAccuracy: null },
  });
  const [unknown] = [event(coEvolution(1, null))].reduce(summarize, emptySummary).rounds;
  expect(Object.keys(unknown?.asked ?? {})).toEqual(["baseConfidence", "reasonerConfidence"]);
});

it("changes nothing for other events, and tells failures", () => {
  const progress = event({ type: "evaluationProgress", round: 0, phase: "evaluation", done: 1, total: 2 });
  expect(summarize(emptySummary, progress)).toBe(emptySummary);
  const failed = event({ type: "runFailed", code: "disk", message: "full" });
  expect(summarize(emptySummary, failed)).toMatchObject({ status: "failed", error: "full" });
});

it("is written beside the log, whole, whenever a figure is known", async () => {
  const log = new MemoryLog();
  const summarized = withSummary(log, folder);
  await summarized.append([built]);
  expect(await readdir(folder)).toEqual([]);
  await summarized.append([evaluated(1)]);
  expect(log.events).toHaveLength(2);
  expect(await readdir(folder)).toEqual(["summary.json"]);
  const written = JSON.parse(await readFile(join(folder, "summary.json"), "utf8"));
  expect(written).toEqual([built, evaluated(1)].reduce(summarize, emptySummary));
});

it("names its figures by the samples that they were made of", async () => {
  const few = event({ type: "evaluated", round: 0, phase: "evaluation", report: { ...report, samples: 2 } });
  await withSummary(new MemoryLog(), folder).append([few]);
  const { rounds } = JSON.parse(await readFile(join(folder, "summary.json"), "utf8"));
  expect(rounds[0]).toMatchObject({ mean2: 70.13, mean2_t06: 70.13, maj2: 70.13, pass2: 70.13 });
  expect(rounds[0].intervals.mean2).toEqual([65.13, 75.13]);
  expect(rounds[0].families.count.maj2).toBe(60);
  expect(JSON.stringify(rounds)).not.toMatch(/mean8|maj8|pass8/);
});

it("says so where it cannot be written", async () => {
  const lost = withSummary(new MemoryLog(), join(folder, "none"));
  await expect(lost.append([evaluated(0)])).rejects.toMatchObject({ code: "disk" });
});
