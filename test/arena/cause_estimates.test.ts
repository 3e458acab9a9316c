import { describe, expect, test } from "vitest";
import { causeAdvice, causeRemedies, describerAdvice, examinedCauses } from "../../arena/cause_estimates.ts";
import { proportion } from "../../arena/statistics.ts";
import { configOf } from "../fakes/config.ts";
import { attributed } from "../fakes/run_events.ts";

describe("where answers went wrong, as estimates", () => {
  const examined = (...figures: Parameters<typeof attributed>) =>
    examinedCauses({ attribution: { overall: attributed(...figures), families: {} } })?.overall ?? {};

  test("count questions: all of them for what can be used, those that were judged for the rest", () => {
    const { usable, grounding, described } = examined({ answers: 200, usable: 0.5, grounding: 0.3 });
    expect(usable).toEqual(proportion(100, 200));
    expect(grounding).toEqual(proportion(30, 100));
    const partly = examined({ answers: 200, usable: 0.9, judged: 0.5, grounding: 0.3 });
    expect(partly.judged).toEqual(proportion(100, 200));
    expect(partly.grounding).toEqual(proportion(30, 100));
    expect(described?.percent).toBeCloseTo(70);
  });

  test("stand by family, too, and are null where nobody looked", () => {
    const attribution = { overall: attributed({}), families: { count: attributed({ fusion: 0.5 }) } };
    expect(examinedCauses({ attribution })?.families.count?.fusion?.percent).toBe(50);
    expect(examinedCauses({ attribution: null })).toBeNull();
  });

  test("lack what nobody could judge", () => {
    expect(Object.keys(examined({ usable: 0, known: false }))).toEqual(["usable", "judged"]);
  });

  test("name the commonest cause with what to do; nothing where nothing went wrong", () => {
    expect(causeAdvice(examined({ reasoning: 0.2, fusion: 0.1 }))).toMatch(
      /commonest cause: reasoning \(20\.0%\), what.*reasoner\.maxTokens/,
    );
    expect(causeAdvice(examined({}))).toBeNull();
  });

  test("say at once where few descriptions can be used", () => {
    expect(describerAdvice(examined({ usable: 0.49 }))).toMatch(
      /49\.0%.*prompts\.describer.*reasoner\.maxTokens/,
    );
    expect(describerAdvice(examined({ usable: 0.5 }))).toBeNull();
    expect(describerAdvice({})).toBeNull();
    expect(describerAdvice(examined({ usable: 0.9, judged: 0.3 }))).toMatch(/30\.0%.*attribution\.checker/);
    expect(describerAdvice(examined({ usable: 0.4, judged: 0.3 }))).toMatch(/40\.0%.*prompts\.describer/);
  });

  test("name only settings that there are", () => {
    const named = Object.values(causeRemedies).flatMap((text) => text.match(/\b[a-z]+(\.[a-zA-Z]+)+/g) ?? []);
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) {
      const value = name
        .split(".")
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], configOf());
      expect(value, name).toBeDefined();
    }
  });
});
