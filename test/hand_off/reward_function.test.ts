import { loadPyodide } from "pyodide";
import { beforeAll, describe, expect, test } from "vitest";
import { type AnswerFormat, answerFormats } from "../../common/answer_format.ts";
import { rewardFunction } from "../../hand_off/reward_function.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import { agrees } from "../../reasoner/vote.ts";
import { configOf } from "../fakes/config.ts";

/** Runs Python and gives what its last expression is. */
let python: (code: string) => unknown;
beforeAll(async () => {
  const pyodide = await loadPyodide();
  python = (code) => pyodide.runPython(code);
}, 60_000);

const completions: Readonly<Record<AnswerFormat, readonly string[]>> = {
  tags: [
    "<think> two rows of three </think>\n<answer> 6 </answer>",
    "<think> hm </think> <answer> The 6. </answer>",
    "<answer>6.0</answer>",
    "<think> a </think><answer>7</answer>",
    "<think> first <answer>7</answer> no </think><answer>12/2</answer>",
    "six, I think",
  ],
  boxed: ["It is \\boxed{6}.", "\\boxed{6} or \\boxed{7}", "6"],
  line: ["Two rows.\nAnswer: 6", "Answer: 6\nSurely.", "six"],
  plain: ["6", "6\n7"],
};

describe.each(answerFormats)("the reward function of completions with %s", (format) => {
  const config = configOf({ format, reasoner: { reward: { agreement: 0.8, format: 0.2 } } });

  test("agrees with the rewards here about answers and whole forms", () => {
    python(rewardFunction("verl", config));
    for (const completion of completions[format]) {
      const parsed = parseAnswer(completion, [], { format });
      const found = JSON.parse(
        python(
          `import json; json.dumps(compute_score("visplay", ${JSON.stringify(completion)}, "6"))`,
        ) as string,
      );
      // Here, more is read than the form that was asked for.
      const isAsked = parsed.format >= 0.5;
      const agreement = isAsked && agrees(parsed, "6") ? 1 : 0;
      expect({ completion, ...found }).toMatchObject({ completion, accuracy: agreement });
      expect(found.score).toBeCloseTo(0.8 * found.accuracy + 0.2 * found.format, 12);
      if (parsed.format === 1) expect({ completion, form: found.format }).toEqual({ completion, form: 1 });
    }
  });
});

test.each([
  ["1,000", "1000.0", 1],
  ["3 cm", "3", 0],
  ["A red Circle", "red circle", 1],
  ["0.5", "1/2", 1],
  ["1/0", "1/0", 1],
  ["no", "yes", 0],
  [`${"9".repeat(40)}`, "9", 0],
])("it takes %j for %j: %d", (answer, silver, same) => {
  python(rewardFunction("easyr1", configOf({ format: "plain" })));
  const asked = JSON.stringify({ response: answer, response_length: 3, ground_truth: silver });
  expect(python(`compute_score(json.loads(${JSON.stringify(asked)}))["accuracy"]`)).toBe(same);
});
