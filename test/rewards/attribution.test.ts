import { expect, test } from "vitest";
import { causeOf } from "../../rewards/attribution.ts";

test.each([
  [{ described: true, concluded: true, answered: true }, null],
  [{ described: true, concluded: false, answered: true }, null],
  [{ described: false, concluded: false, answered: false }, "grounding"],
  [{ described: false, concluded: true, answered: false }, "grounding"],
  [{ described: true, concluded: false, answered: false }, "reasoning"],
  [{ described: true, concluded: true, answered: false }, "fusion"],
  [{ described: false, concluded: true, answered: true }, "unfaithful"],
  [{ described: false, concluded: false, answered: true }, "unfaithful"],
])("the cause of %j is %j", (evidence, cause) => {
  expect(causeOf(evidence)).toBe(cause);
});
