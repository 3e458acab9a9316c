import { expect, test } from "vitest";
import { seriesOf } from "../../inspector/step_series.ts";
import type { ReasonerStep } from "../../replay/events.ts";
import { at, attributed, reasonerStep } from "../fakes/run_events.ts";

test("causes are figures of the steps in which somebody looked, and of no other", () => {
  const stepped = (attribution: ReasonerStep["attribution"], id: number) => ({
    ...{ id, attempt: 1, superseded: false },
    event: at(id, reasonerStep({ step: id, attribution })),
  });
  const looks = [attributed({ grounding: 0.25, fusion: 0.5 }), null, attributed({ known: false, usable: 0 })];
  const [{ figures }] = seriesOf(looks.map(stepped)) as [ReturnType<typeof seriesOf>[number]];
  expect(figures["cause:grounding"]).toEqual([0.25, null, null]);
  expect(figures["cause:fusion"]).toEqual([0.5, null, null]);
  const [unlooked] = seriesOf([stepped(null, 1)]);
  expect(Object.keys(unlooked?.figures ?? {}).filter((name) => name.startsWith("cause:"))).toEqual([]);
});
