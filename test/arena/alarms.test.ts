import { describe, expect, it } from "vitest";
import { Alarms } from "../../arena/alarms.ts";
import type { AlarmsConfig, EvaluationAlarm } from "../../arena/config/alarms.ts";
import type { AlarmName, EventBody, Health, ReasonerStep } from "../../replay/events.ts";
import { configOf } from "../fakes/config.ts";
import { ofType, playIn } from "../fakes/play.ts";
import { phaseStarted, questionerStep, sickStep } from "../fakes/run_events.ts";
import { makeWorld, reasonerScript, smallConfig } from "../fakes/world.ts";

const defaults = configOf().alarms;
const names = (events: readonly EventBody[], config: AlarmsConfig = defaults) =>
  new Alarms(config).after(events).map(({ name }) => name);

/** So many steps of a Reasoner phase. */
const steps = (count: number, signs: Partial<Health>, change: Partial<ReasonerStep> = {}) =>
  Array.from({ length: count }, (_, step) => sickStep(signs, { step, ...change }));

const built = (round: number, silverCorrect: number | null): EventBody => ({
  ...{ type: "curriculumBuilt", round, phase: "curriculum", images: 9, questions: 50, admitted: 40 },
  ...{ rejected: {}, confidences: [] },
  audit: { meaningful: 1, silverCorrect, silverCorrectByConfidence: [], kinds: {} },
});

describe("alarms", () => {
  it("are silent while steps are healthy", () => {
    const healthySteps = Array.from({ length: 20 }, (_, step) => questionerStep({ step }));
    expect(names([phaseStarted(1, "questioner"), ...healthySteps, ...steps(20, {}), built(1, 0.8)])).toEqual(
      [],
    );
  });

  it.each<[Exclude<AlarmName, EvaluationAlarm>, Partial<Health>]>([
    ["answerEntropy", { answerEntropy: 0.1 }],
    ["constantAnswer", { commonestAnswer: 0.95 }],
    ["parseFailures", { parseFailures: 0.6 }],
    ["abstentions", { abstentions: 0.8 }],
    ["malformedQuestions", { malformedQuestions: 0.6 }],
    ["clusterShare", { clusterShare: 0.85 }],
    ["templateShare", { templateShare: 0.95 }],
    ["cutAnswers", { cutAnswers: 0.15 }],
    ["cutQuestions", { cutQuestions: 0.15 }],
  ])("%s: a window of bad steps raises it once, a lone one does not", (name, signs) => {
    const { window } = defaults[name];
    expect(names(steps(window - 1, signs))).toEqual([]);
    expect(names([...steps(window - 1, {}), ...steps(1, signs)])).toEqual([]);
    expect(names(steps(3 * window, signs))).toEqual([name]);
    expect(names([...steps(50, {}), ...steps(window, signs)])).toEqual([name]);
  });

  it("may be raised again in another phase", () => {
    const sick = steps(10, { parseFailures: 0.9 });
    const raised = new Alarms(defaults).after([
      ...[phaseStarted(1, "reasoner"), ...sick],
      ...[phaseStarted(2, "reasoner"), ...sick.map((step) => ({ ...step, round: 2 }))],
    ]);
    expect(raised.map(({ round, step }) => [round, step])).toEqual([
      [1, 4],
      [2, 4],
    ]);
  });

  it("need no more of a phase after a hundred thousand steps than after a hundred, and judge it the same", () => {
    const alarms = new Alarms(defaults);
    const sizes = [100, 130_000].map((count) => {
      alarms.after([phaseStarted(1, "reasoner"), ...steps(count, { answerEntropy: 3, distinctAnswers: 40 })]);
      return JSON.stringify(alarms.state()).length;
    });
    expect(sizes[1]).toBe(sizes[0]);
    const { window } = defaults.answerEntropy;
    const few = steps(window, { answerEntropy: Math.log(2), distinctAnswers: 2 });
    expect(alarms.after(few).map(({ name }) => name)).toEqual(["answerEntropy"]);
  });

  it("go on from a state as they would have without, at any step", () => {
    const lengths = Array.from({ length: 40 }, (_, i) => 10 + (i < 20 ? 0 : 3 * (i - 20)));
    const events = lengths.flatMap((meanTokens, step) => steps(1, {}, { step, meanTokens }));
    const whole = new Alarms(defaults).after(events);
    expect(whole.map(({ name }) => name)).toContain("lengthGrowth");
    for (const cut of events.keys()) {
      const before = new Alarms(defaults);
      const raised = before.after(events.slice(0, cut));
      const after = new Alarms(defaults, JSON.parse(JSON.stringify(before.state())));
      expect([...raised, ...after.after(events.slice(cut))]).toEqual(whole);
    }
  });

  it("take entropy against the most answers that the phase has seen", () => {
    // Two answers in equal parts: all that two can have, but little of what forty had.
    const two = { answerEntropy: Math.log(2), distinctAnswers: 2 };
    const forty = { answerEntropy: 3, distinctAnswers: 40 };
    expect(names(steps(20, two))).toEqual([]);
    expect(names([...steps(5, forty), ...steps(5, two)])).toEqual(["answerEntropy"]);
    expect(names([...steps(5, forty), phaseStarted(2, "reasoner"), ...steps(5, two)])).toEqual([]);
    expect(names(steps(5, { answerEntropy: 0, distinctAnswers: 1 }))).toEqual(["answerEntropy"]);
    expect(names(steps(5, { answerEntropy: null, distinctAnswers: 0 }))).toEqual([]);
  });

  it("take length against the phase's first steps", () => {
    const length = (count: number, meanTokens: number) => steps(count, {}, { meanTokens });
    expect(names([...length(5, 10), ...length(5, 24)])).toEqual([]);
    expect(names([...length(5, 10), ...length(5, 26)])).toEqual(["lengthGrowth"]);
    expect(names([...length(5, 10), phaseStarted(2, "reasoner"), ...length(5, 26)])).toEqual([]);
  });

  it("hold silver answers against the truth, where it is known, over rounds", () => {
    expect(names([built(1, 0.6), built(2, null), built(3, 0.4)])).toEqual(["silverAccuracy"]);
    const patient = { ...defaults, silverAccuracy: { threshold: 0.5, window: 2 } };
    expect(names([built(1, 0.4)], patient)).toEqual([]);
    expect(names([built(1, 0.7), built(2, 0.4)], patient)).toEqual([]);
    expect(names([built(1, 0.5), built(2, 0.4)], patient)).toEqual(["silverAccuracy"]);
    const audited: EventBody = {
      ...{ type: "audited", round: 1, phase: "curriculum", questions: 9, admitted: 5, silverCorrect: 0.2 },
    };
    expect(names([built(1, null), audited])).toEqual(["silverAccuracy"]);
  });

  it("say what was found, what was expected and what to change", () => {
    const [alarm] = new Alarms(defaults).after(steps(5, { commonestAnswer: 0.954 }));
    expect(alarm).toEqual({
      ...{ type: "alarm", round: 1, phase: "reasoner", name: "constantAnswer", step: 4 },
      ...{ value: expect.closeTo(0.954, 10), threshold: 0.9, window: 5 },
      message:
        "95% of the prompts have the same majority answer, expected at most 90% " +
        "(alarms.constantAnswer); the majority confirms itself; raise reasoner.beta or lower curriculum.band.high",
    });
  });

  it("can be switched off", () => {
    const off = { ...defaults, parseFailures: { threshold: 1, window: 5 } };
    expect(names(steps(10, { parseFailures: 1 }), off)).toEqual([]);
  });

  it("are rebuilt from what was recorded: a resumed phase raises what the whole one would have", () => {
    const phase = [...steps(7, {}), ...steps(7, { abstentions: 0.9 })];
    for (const cut of [3, 9, 13]) {
      const whole = new Alarms(defaults);
      const before = whole.after(phase.slice(0, cut));
      const resumed = new Alarms(defaults);
      resumed.after(JSON.parse(JSON.stringify([...phase.slice(0, cut), ...before])));
      expect(resumed.after(phase.slice(cut))).toEqual(whole.after(phase.slice(cut)));
    }
  });
});

/** A Reasoner that says the same to everything from its third update on. */
const collapsing = () =>
  makeWorld({
    reasoner: {
      script: (prompt, stream, version) =>
        version < 2 ? reasonerScript(prompt, stream, version) : "<answer> 7 </answer>",
    },
  });

const alert = (stop: boolean) =>
  smallConfig((config) => {
    config.reasoner.stepsPerRound = 6;
    config.alarms.stop = stop;
    config.alarms.constantAnswer.window = 2;
    config.alarms.answerEntropy.window = 2;
  });

describe("a run that collapses", () => {
  it("records the alarm with the step that raised it, and goes on", async () => {
    const { events, completed } = await playIn(collapsing(), alert(false));
    expect(completed).toBe(true);
    const alarms = ofType(events, "alarm").filter(({ name }) => name === "constantAnswer");
    expect(alarms).toMatchObject([{ round: 1, phase: "reasoner", step: 3 }]);
    expect(events[events.indexOf(alarms[0] as (typeof events)[number]) - 1]?.type).toMatch(
      /reasonerStep|alarm/,
    );
    expect(ofType(events, "reasonerStep")).toHaveLength(6);
  });

  it("ends by an error of its own where it is told to, with everything on disk", async () => {
    const world = collapsing();
    const { events, error } = await playIn(world, alert(true));
    expect(error).toMatchObject({ code: "collapse", message: expect.stringContaining("alarms.stop") });
    expect(events.slice(-2).map(({ type }) => type)).toEqual(["alarm", "runFailed"]);
    expect(world.log.events).toEqual(events);
    expect(ofType(events, "reasonerStep")).toHaveLength(4);
  });

  it("raises nothing in a healthy world", async () => {
    const config = smallConfig((change) => {
      change.rounds = 2;
      change.questioner.stepsPerRound = 6;
      change.reasoner.stepsPerRound = 6;
    });
    // Five templates that differ in one number are near duplicates by any measure of words.
    for (const name of ["clusterShare", "templateShare"] as const) {
      (config.alarms[name] as { threshold: number }).threshold = 1;
    }
    const { events } = await playIn(makeWorld(), config);
    expect(ofType(events, "alarm")).toEqual([]);
  });
});

describe("an audited set", () => {
  const audited = [
    { image: 3, question: "how many dots plus 1 ?", answer: "4" },
    { image: 5, question: "how many dots plus 2 ?", answer: "7" },
    { image: 5, question: "how many dots plus 0 ?", answer: "three" },
  ];

  it("is answered after each curriculum, by votes, and changes nothing else", async () => {
    const config = smallConfig((change) => {
      change.rounds = 2;
      change.curriculum.answersPerQuestion = 32;
      change.curriculum.band = { low: 0.4, high: 1 };
    });
    const { events } = await playIn({ ...makeWorld(), audited }, config);
    const found = ofType(events, "audited");
    expect(found.map(({ round }) => round)).toEqual([1, 2]);
    for (const { questions, admitted, silverCorrect } of found) {
      expect([questions, admitted]).toEqual([3, 3]);
      expect(silverCorrect).toBeCloseTo(2 / 3, 10);
    }
    const without = await playIn(makeWorld(), config);
    const figures = (all: typeof events) =>
      ofType(all, "reasonerEpisode").map(({ rollouts }) => rollouts.map(({ text }) => text));
    expect(figures(events)).toEqual(figures(without.events));
  });

  it("counts what could be asked, and notes what could not", async () => {
    const world = { ...makeWorld({ broken: (index) => index === 3 }), audited };
    const { events } = await playIn(world);
    expect(ofType(events, "audited")[0]?.questions).toBe(2);
    const before = events.slice(
      0,
      events.findIndex(({ type }) => type === "audited"),
    );
    expect(ofType(before, "rolloutFailed").at(-1)).toMatchObject({ during: "load", image: { index: 3 } });
  });
});
