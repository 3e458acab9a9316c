import { describe, expect, test } from "vitest";
import { Alarms } from "../../arena/alarms.ts";
import type { EventBody } from "../../replay/events.ts";
import { configOf } from "../fakes/config.ts";
import { attributed, evaluationReport } from "../fakes/run_events.ts";

/** An evaluation in which so large a share of answers misread the picture; null where nobody looked. */
function evaluated(round: number, grounding: number | null, answers = 400): EventBody {
  const attribution =
    grounding === null ? null : { overall: attributed({ answers, grounding }), families: {} };
  const report = evaluationReport({ attribution });
  return { type: "evaluated", round, phase: "evaluation", report };
}

const defaults = configOf().alarms;
const raised = (events: EventBody[], alarms = {}) => new Alarms({ ...defaults, ...alarms }).after(events);
const names = (...given: Parameters<typeof raised>) =>
  raised(...given).map(({ name, round }) => `${name} ${round}`);

describe("the alarm of pictures that are misread", () => {
  test.each<[string, EventBody[], string[]]>([
    ["as it was", [evaluated(0, 0.1), evaluated(1, 0.11)], []],
    ["a rise that is sure", [evaluated(0, 0.1), evaluated(1, 0.2)], ["grounding 1"]],
    ["the same rise in few answers", [evaluated(0, 0.1, 20), evaluated(1, 0.2, 20)], []],
    ["a sure rise of little", [evaluated(0, 0.01, 4000), evaluated(1, 0.05, 4000)], []],
    ["a fall", [evaluated(0, 0.3), evaluated(1, 0.1)], []],
    ["nobody looked", [evaluated(0, null), evaluated(1, null)], []],
    ["nobody looked at the base", [evaluated(0, null), evaluated(1, 0.9)], []],
  ])("%s", (_, events, expected) => {
    expect(names(events)).toEqual(expected);
  });

  test("has a ceiling, which counts for the base, too, where it is surely passed", () => {
    const ceiling = { grounding: { threshold: 0.3, rise: 1 } };
    expect(names([evaluated(0, 0.32), evaluated(1, 0.36)], ceiling)).toEqual(["grounding 1"]);
    expect(names([evaluated(0, 0.4)], ceiling)).toEqual(["grounding 0"]);
    expect(names([evaluated(0, 1)])).toEqual([]);
  });

  test("goes on from a state", () => {
    const before = new Alarms(defaults);
    before.after([evaluated(0, 0.1)]);
    const state = JSON.parse(JSON.stringify(before.state()));
    expect(new Alarms(defaults, state).after([evaluated(1, 0.3)])).toHaveLength(1);
  });

  test("says what was found, what was expected, and what to change", () => {
    const [alarm] = raised([evaluated(0, 0.1), evaluated(3, 0.3)]);
    expect(alarm).toMatchObject({ round: 3, step: null, window: 1, value: 0.3 });
    expect(alarm?.threshold).toBeCloseTo(0.15);
    expect(alarm?.message).toMatch(
      /^30.0% of the answers.*10.0% at the base, expected a rise of at most 5 points \(alarms.grounding.rise\); .*optimizer.visionLearningRateFactor/,
    );
  });
});
