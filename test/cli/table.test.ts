import { expect, test } from "vitest";
import { emptySummary, summarize } from "../../arena/summary.ts";
import { questionsTable } from "../../cli/question_tables.ts";
import { exitCodeOf } from "../../cli/report.ts";
import { resultText, taughtNothingError } from "../../cli/result.ts";
import { RunLine } from "../../cli/run_line.ts";
import { causesTable, familiesTable, modelCausesTable, roundsTable } from "../../cli/table.ts";
import type {
  CurriculumAudit,
  CurriculumBuilt,
  Estimate,
  EvaluationReport,
  EventBody,
  PhaseFigures,
  Scores,
} from "../../replay/events.ts";
import { configOf } from "../fakes/config.ts";
import { at, attributed, coEvolution, questionerAudited } from "../fakes/run_events.ts";

const around = (percent: number): Estimate => ({ percent, low: percent - 2.4, high: percent + 2.2 });

function scores(greedy: number): Scores {
  return {
    questions: 420,
    greedy: around(greedy),
    mean8: around(50.5),
    mean8_t06: around(65.1),
    maj8: around(62.5),
    pass8: around(95.04),
    blind: around(31),
    abstention: around(3),
    parseFailure: around(2.5),
  };
}

function evaluated(round: number, greedy: number): EventBody {
  const unknown = { attribution: null, looking: {}, calibration: {}, outcomes: null };
  const report: EvaluationReport = { samples: 8, overall: scores(greedy), families: {}, ...unknown };
  return { type: "evaluated", round, phase: "evaluation", report };
}

test.each([
  [{}, "held-out scenes: greedy 50.0% "],
  [{ evaluation: { data: "exam.parquet" } }, "exam.parquet: greedy 50.0% "],
])("an evaluation is said to be on what it is on: %j", (settings, start) => {
  const line = new RunLine(configOf(settings as never)).apply(at(1, evaluated(0, 50)));
  expect(line?.startsWith(start)).toBe(true);
});

function attributedReport(grounding: number, usable = 1): EvaluationReport {
  const attribution = {
    overall: attributed({ answers: 420, usable, grounding, fusion: 0.05 }),
    families: { count: attributed({ grounding: 0.5 }) },
  };
  return {
    samples: 8,
    overall: scores(70),
    families: {},
    attribution,
    looking: {},
    calibration: {},
    outcomes: null,
  };
}

const lookedAgain = (round: number, ...given: Parameters<typeof attributedReport>): EventBody => ({
  ...{ type: "evaluated", round, phase: "evaluation" },
  report: attributedReport(...given),
});

test("where answers went wrong stands by round and by family, each figure above its interval, in 80 columns", () => {
  const byRound = causesTable(summaryOf(lookedAgain(0, 0.2), lookedAgain(1, 0.1))) ?? "";
  expect(rows(byRound)).toEqual([
    ["usable", "de-", "con-", "ground-", "reason-", "fusion", "unfaith-"],
    ["scribed", "cluded", "ing", "ing", "ful"],
    ["base", "100.0", "80.0", "80.0", "20.0", "0.0", "5.0", "0.0"],
    ["99–100", "76–84", "76–84", "16–24", "0–1", "3–8", "0–1"],
    ["round 1", "100.0", "90.0", "90.0", "10.0", "0.0", "5.0", "0.0"],
    ["99–100", "87–93", "87–93", "7–13", "0–1", "3–8", "0–1"],
  ]);
  const byFamily = modelCausesTable(attributedReport(0.2)) ?? "";
  expect(rows(byFamily).map(([name, , , , grounding]) => [name, grounding])).toEqual(
    expect.arrayContaining([
      ["all", "20.0"],
      ["count", "50.0"],
    ]),
  );
  for (const line of [byRound, byFamily].join("\n").split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(causesTable(summaryOf(evaluated(0, 70)))).toBeNull();
});

test("a run's last words say what to do about the commonest cause of its last evaluation", () => {
  const text = resultText(configOf(), summaryOf(lookedAgain(0, 0.2), lookedAgain(1, 0.01)));
  expect(text).toContain("commonest cause: fusion (5.0%)");
  expect(text).not.toContain("commonest cause: grounding");
  expect(resultText(configOf(), summaryOf(evaluated(0, 70)))).not.toContain("commonest cause");
});

test("an evaluation says where answers go wrong, and at once where few descriptions can be used", () => {
  const line = (usable: number) => new RunLine(configOf()).apply(at(1, lookedAgain(0, 0.2, usable)));
  expect(line(1)).toMatch(/where it goes wrong: grounding 20.0% \(16.5 to 24.1\), reasoning 0.0%/);
  expect(line(1)).not.toContain("notice");
  expect(line(0.4)).toMatch(/notice: 40.0% of the descriptions.*prompts.describer/);
});

const curriculum: EventBody = {
  type: "curriculumBuilt",
  round: 1,
  phase: "curriculum",
  images: 600,
  questions: 3600,
  admitted: 2100,
  rejected: {},
  confidences: [],
  audit: { meaningful: 0.98, silverCorrect: 0.834, silverCorrectByConfidence: [], kinds: {} },
};

function summaryOf(...bodies: EventBody[]) {
  return bodies.map((body) => at(0, body)).reduce(summarize, emptySummary);
}

test("what the rounds asked stands below: how hard it is, what passed wrongly, and its kinds", () => {
  const kinds = (sum: number) => ({
    sum: { asked: sum, admitted: 1 },
    exist: { asked: 100 - sum, admitted: 90 },
  });
  const built = (round: number, sum: number): EventBody => {
    return { ...curriculum, round, audit: { ...(curriculum.audit as CurriculumAudit), kinds: kinds(sum) } };
  };
  const summary = summaryOf(
    ...[evaluated(0, 70), questionerAudited(1, 5), built(1, 17), coEvolution(1, 88)],
    ...[questionerAudited(2, 8), built(2, 29), coEvolution(2, 84.5)],
  );
  const table = questionsTable(summary) ?? "";
  expect(rows(table)).toEqual([
    ["base", "base", "Reasoner", "Reasoner", "false", "unearned"],
    ["right", "sure", "right", "sure", "accepts", "reward"],
    ["round 1", "88.0", "91.5", "89.0", "94.0", "5.0", "25.0"],
    ["84–91", "88–95", "85–92", "90–97", "1–8", "21–28"],
    ["round 2", "84.5", "91.5", "85.5", "94.0", "8.0", "25.0"],
    ["81–88", "88–95", "82–89", "90–97", "4–11", "21–28"],
    [""],
    ["exist", "sum"],
    ["round 1", "83.0", "17.0"],
    ["round 2", "71.0", "29.0"],
  ]);
  expect(resultText(configOf(), summary)).toContain(table);
  expect(questionsTable(summaryOf(evaluated(0, 70), { ...curriculum, audit: null }))).toBeNull();
});

test("so do lines while the run goes on", () => {
  const line = (body: EventBody) => new RunLine(configOf()).apply(at(1, body));
  expect(line(coEvolution(1, 88))).toBe(
    "200 questions of the round: base right 88.0% (84.0 to 91.0), base sure 91.5% (87.5 to 94.5), Reasoner right 89.0% (85.0 to 92.0)",
  );
  expect(line(coEvolution(1, null))).toBe("200 questions of the round: base sure 91.5% (87.5 to 94.5)");
  expect(line(questionerAudited(1, 5))).toBe(
    "gate: 5.0% (1.0 to 8.0) of 100 questions should not have passed (1 mean nothing, 4 have a wrong silver answer), with 25.0% (21.0 to 28.0) of the reward",
  );
});

function rows(table: string): string[][] {
  return table.split("\n").map((line) => line.trim().split(/\s{2,}/));
}

test("base and rounds stand below each other, each figure above its interval, in 80 columns", () => {
  const table = roundsTable(summaryOf(evaluated(0, 72.8), curriculum, evaluated(1, 75.3)));
  expect(rows(table)).toEqual([
    ["greedy", "mean@8", "mean@8", "maj@8", "pass@8", "silver", "blind", "abstain", "meaning-"],
    ["T=1", "T=0.6", "ful"],
    ["base", "72.8", "50.5", "65.1", "62.5", "95.0", "–", "31.0", "3.0", "–"],
    ["70–75", "48–53", "63–67", "60–65", "93–97", "29–33", "1–5"],
    ["round 1", "75.3", "50.5", "65.1", "62.5", "95.0", "83.4", "31.0", "3.0", "98.0"],
    ["73–78", "48–53", "63–67", "60–65", "93–97", "29–33", "1–5"],
  ]);
  for (const line of table.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("a round that was not evaluated among others that were shows what is known", () => {
  expect(rows(roundsTable(summaryOf(evaluated(0, 72.8), curriculum)))[4]).toEqual([
    "round 1",
    "–",
    "–",
    "–",
    "–",
    "–",
    "83.4",
    "–",
    "–",
    "98.0",
  ]);
});

const phaseFinished = (
  phase: "questioner" | "curriculum" | "reasoner",
  figures: PhaseFigures,
): EventBody => ({
  ...{ type: "phaseFinished", round: 1, phase, durationMs: 9, figures },
});

test("without evaluations the table is about the rounds themselves", () => {
  const nothing = { reward: null, confidence: null, parsed: null };
  const unseen: EventBody = { ...(curriculum as CurriculumBuilt), audit: null };
  const table = roundsTable(
    summaryOf(
      phaseFinished("questioner", { ...nothing, reward: 0.127, confidence: 0.5 }),
      phaseFinished("curriculum", { ...nothing, confidence: 0.84, parsed: 0.975 }),
      unseen,
      phaseFinished("reasoner", { ...nothing, reward: 0.9 }),
    ),
  );
  expect(rows(table)).toEqual([
    ["reward", "reward", "confidence", "answers", "questions"],
    ["questioner", "reasoner", "parsed", "admitted"],
    ["round 1", "0.13", "0.90", "84.0", "97.5", "2,100"],
  ]);
  for (const line of table.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("with images of one's own, accuracy is said to be about scenes", () => {
  const config = configOf({ images: { data: "photos" } });
  const about = "accuracy is on held-out coloured scenes, not on your images";
  expect(resultText(config, summaryOf(evaluated(0, 72.8)))).toContain(about);
  expect(resultText(config, summaryOf(curriculum))).not.toContain("scenes");
  expect(resultText(configOf(), summaryOf(evaluated(0, 72.8)))).not.toContain(about);
});

test("a run that taught nothing says so, and why, and ends by a code of its own", () => {
  const empty: EventBody = {
    ...{ type: "curriculumEmpty", round: 1, phase: "curriculum", consecutive: 1, confidences: [] },
    message: "no question entered the curriculum: found 96 malformed",
  };
  const finished = (reasoner: number): EventBody => ({
    ...{ type: "runFinished", rounds: 1, durationMs: 1, updates: { questioner: 12, reasoner } },
  });
  const summary = summaryOf(curriculum, empty, finished(0));
  expect(summary.taught).toBe(false);
  expect(resultText(configOf(), summary)).toContain("nothing was taught");
  const error = taughtNothingError(configOf(), summary);
  expect(error.message).toMatch(/took no step in 1 round; no question entered.*96 malformed/);
  expect(exitCodeOf(error)).toBe(13);
  const alike = summaryOf(finished(0));
  expect(taughtNothingError(configOf(), alike).message).toContain("raise reasoner.temperature");
  const acting = configOf({ stages: [{ kind: "environment" }] });
  expect(taughtNothingError(acting, alike).message).toContain("raise the stage's temperature");
  expect(summaryOf(curriculum, finished(3)).taught).toBe(true);
  // A fork, whose curriculum was built in another run.
  expect(summaryOf(finished(3)).taught).toBe(true);
  // A warm-up's steps, and no curriculum.
  const none: EventBody = { ...(curriculum as CurriculumBuilt), admitted: 0 };
  expect(summaryOf(none, empty, finished(3)).taught).toBe(false);
});

test("one model's families stand below the whole", () => {
  const families = { count: scores(40), exist: scores(90) };
  const report = {
    samples: 8,
    overall: scores(70),
    families,
    attribution: null,
    looking: {},
    calibration: {},
    outcomes: null,
  };
  const table = rows(familiesTable(report));
  expect(table.map(([name, greedy]) => [name, greedy])).toEqual(
    expect.arrayContaining([
      ["all", "70.0"],
      ["count", "40.0"],
      ["exist", "90.0"],
    ]),
  );
  expect(table[0]).not.toContain("silver");
});
