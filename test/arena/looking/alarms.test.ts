import { describe, expect, test } from "vitest";
import { Alarms } from "../../../arena/alarms.ts";
import type { Estimate, EvaluationReport, EventBody } from "../../../replay/events.ts";
import { configOf } from "../../fakes/config.ts";
import { evaluationReport } from "../../fakes/run_events.ts";

const around = (percent: number, width = 4): Estimate => ({
  percent,
  low: percent - width,
  high: percent + width,
});

function evaluated(round: number, looking: EvaluationReport["looking"]): EventBody {
  return { type: "evaluated", round, phase: "evaluation", report: evaluationReport({ looking }) };
}

const defaults = configOf().alarms;

describe("the alarm of a picture that is ignored", () => {
  const raised = (events: EventBody[], alarms = {}) => new Alarms({ ...defaults, ...alarms }).after(events);
  const names = (...given: Parameters<typeof raised>) =>
    raised(...given).map(({ name, round }) => `${name} ${round}`);

  test.each<[string, Estimate[], string[]]>([
    ["as it was", [around(57), around(56)], []],
    ["a fall that chance explains", [around(57), around(51.6)], []],
    ["a fall that is sure", [around(57), around(50)], ["dependence 1"]],
    ["a sure fall of little", [around(57, 1), around(53, 1)], []],
    ["more with each round", [around(57), around(52), around(49), around(60)], ["dependence 2"]],
  ])("%s", (_, estimates, expected) => {
    expect(names(estimates.map((dependence, round) => evaluated(round, { dependence })))).toEqual(expected);
  });

  test("has a floor, which counts for the base, too", () => {
    const floor = { dependence: { threshold: 0.2, fall: 1 } };
    expect(
      names([evaluated(0, { dependence: around(15) }), evaluated(1, { dependence: around(17) })], floor),
    ).toEqual(["dependence 0"]);
  });

  test("goes on from a state, and from one of a release that knew no base", () => {
    const [base, fallen] = [
      evaluated(0, { dependence: around(57) }),
      evaluated(1, { dependence: around(20) }),
    ];
    const before = new Alarms(defaults);
    before.after([base]);
    const state = JSON.parse(JSON.stringify(before.state()));
    expect(new Alarms(defaults, state).after([fallen])).toHaveLength(1);
    const { base: _, ...older } = state;
    expect(new Alarms(defaults, older).after([fallen])).toEqual([]);
  });

  test("says what was found, what was expected, and what to change", () => {
    const [alarm] = raised([
      evaluated(0, { dependence: around(57) }),
      evaluated(3, { dependence: around(20) }),
    ]);
    expect(alarm).toMatchObject({ round: 3, step: null, window: 1, value: 0.2 });
    expect(alarm?.threshold).toBeCloseTo(0.52);
    expect(alarm?.message).toMatch(
      /20.0 points.*57.0 points at the base, expected a fall of at most 5 \(alarms.dependence.fall\)/,
    );
    expect(alarm?.message).toContain("questioner.reward.maxBlindAgreement");
  });

  test("is silent where nobody measured it", () => {
    expect(raised([evaluated(0, {}), evaluated(1, {})])).toEqual([]);
  });
});
