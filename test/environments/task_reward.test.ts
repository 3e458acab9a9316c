import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { reward } from "../../arena/config/reward.ts";
import { openRewarder, type RewardConfig, rewardOf, type Task } from "../../environments/task_reward.ts";
import { imageOf } from "../../images/image.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import type { Answer } from "../../reasoner/reasoner.ts";
import { usualHedges } from "../../rewards/certainty.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-reward-"));
afterAll(() => rmSync(folder, { recursive: true }));

const task: Task = {
  image: imageOf(1, 1, new Uint8Array(3)),
  question: "How many red circles are left of the square?",
  truths: ["2", "two circles"],
};

function answer(text: string, tokens = 10, finishReason: "stop" | "length" = "stop"): Answer {
  const truncated = finishReason === "length";
  const parsed = parseAnswer(text, [], { question: task.question, truncated });
  const completion = {
    tokens: new Int32Array(tokens),
    logProbs: new Float32Array(tokens),
    text,
    finishReason,
  };
  return { completion, parsed };
}

const chain = "The square stands in the middle, and left of it I see two red circles and a star.";
const good = answer(`<think> ${chain} </think> <answer> 2 </answer>`);
const bare = answer("<answer> 2 </answer>");
const wrong = answer("<think> So it is three. </think> <answer> 3 </answer>", 95);
const cut = answer("<think> the square the square the square", 100, "length");

/** A user's module, and the rewards by it. */
let modules = 0;
function withModule(text: string, more: Partial<RewardConfig> = {}): RewardConfig {
  const module = join(folder, `reward${modules++}.ts`);
  writeFileSync(module, text);
  return { ...reward.parse({}), ...more, module };
}

/** What answers to the task earn, with what that amounts to. */
async function earned(config: RewardConfig, answers: readonly Answer[]) {
  const judge = await openRewarder(config, { maxTokens: 100, hedges: usualHedges });
  const judged = await Promise.all(answers.map((each) => judge(task, each)));
  return judged.map((each) => ({ ...each, reward: rewardOf(each.parts, config) }));
}

describe("built-in parts", () => {
  test("are all recorded by name, and count by their weights", async () => {
    const weights = { correctness: 1, reasoning: 0.5, format: 0.25, length: 2 };
    const rewards = await earned(reward.parse({ weights, overlongShare: 0.1 }), [good, bare, wrong, cut]);
    expect(rewards.map(({ parts }) => parts)).toEqual([
      { correctness: 1, reasoning: 1, format: 1, length: 0 },
      { correctness: 1, reasoning: 0, format: 1, length: 0 },
      { correctness: 0, reasoning: 0, format: 1, length: -0.5 },
      { correctness: 0, reasoning: 0, format: 0, length: -1 },
    ]);
    expect(rewards.map((each) => each.reward)).toEqual([1.75, 1.25, -0.75, -2]);
  });

  test("a weight of 0 leaves a part in the record", async () => {
    const [given] = await earned(reward.parse({}), [good]);
    expect(given).toEqual({
      reward: 1,
      parts: { correctness: 1, reasoning: 1, format: 1, length: 0 },
      correctness: 1,
    });
  });

  test("certainty is one where it has a weight, of what is said against how right it is", async () => {
    const surely = answer("<think> I am 90% sure that it is two. </think> <answer> 2 </answer>");
    const perhaps = answer("<think> Perhaps it is three. </think> <answer> 3 </answer>");
    const flatly = answer("<answer> 3 </answer>");
    const config = reward.parse({ weights: { correctness: 1, certainty: 0.5, format: 0 } });
    const rewards = await earned(config, [surely, perhaps, flatly, cut]);
    const certainty = rewards.map(({ parts }) => Math.round(1000 * (parts?.certainty ?? 9)) / 1000);
    expect(certainty).toEqual([0.99, 0.75, 0, 0]);
    expect(rewards.map((each) => each.reward)).toEqual([1.495, 0.375, 0, 0]);
  });

  test("of which none would count are refused", () => {
    const none = { correctness: 0, format: 0 };
    expect(reward.safeParse({ weights: none }).error?.issues).toMatchObject([{ path: ["weights"] }]);
    expect(reward.safeParse({ weights: none, module: "./mine.ts" }).success).toBe(true);
    expect(reward.parse("./mine.ts").module).toBe("./mine.ts");
  });
});

describe("a user's own reward", () => {
  test("is told all of an answer, and its parts are what counts", async () => {
    const config = withModule(
      `interface Episode { question: string; truths: string[]; chain: string; answer: string | null;
         tokens: number; truncated: boolean; text: string;
         image: { width: number }; parts: Record<string, number> }
       export default async (e: Episode) => ({
         correctness: e.parts.correctness,
         seen: JSON.stringify([e.question, e.truths, e.chain, e.answer, e.tokens, e.truncated, e.image.width,
           e.text.length]).length,
         short: 1 / e.tokens,
       });`,
      { moduleWeights: { short: 5 } },
    );
    const [given] = await earned(config, [good]);
    const { text, tokens } = good.completion;
    const all = [task.question, task.truths, chain, "2", tokens.length, false, 1, text.length];
    const seen = JSON.stringify(all).length;
    expect(given?.parts).toEqual({ correctness: 1, seen, short: 0.1 });
    expect(given?.reward).toBeCloseTo(0.9 + seen + 0.5, 12);
  });

  test("may say that it cannot judge", async () => {
    const config = withModule("export default (e: any) => e.truncated ? null : { right: 1 };");
    const rewards = await earned(config, [good, cut]);
    expect(rewards.map((each) => each.reward)).toEqual([1, null]);
    expect(rewards[1]).toEqual({ reward: null, parts: null, correctness: 0 });
  });

  test.each([
    ["a part is NaN", "({ right: 1, near: 0 / 0 })", /gave NaN as its part "near", expected a finite number/],
    ["a part is a text", '({ near: "1" })', /gave "1" as its part "near"/],
    ["a part is infinite", "({ near: 1 / 0 })", /gave Infinity as its part "near"/],
    ["a part is missing", "({ near: undefined })", /gave undefined as its part "near"/],
    ["it gives a number", "1", /gave 1, expected numbers by name/],
    ["it gives a list", "[1]", /gave a list, expected numbers by name/],
    ["it gives nothing", "undefined", /gave undefined, expected numbers by name/],
    ["it gives no parts", "({})", /gave no parts/],
    [
      "it throws",
      "e.nothing.here",
      /^reward.module: for the question "How many.*" and the answer "2", .*reward\d+.ts threw: Cannot read/,
    ],
    ["it rejects", 'Promise.reject("busy")', /threw: busy$/],
  ])("is told what is wrong where %s", async (_, expression, message) => {
    const config = withModule(`export default (e: any): any => ${expression};`);
    await expect(earned(config, [good])).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(message),
    });
  });

  test("that cannot be loaded is refused before anything is asked", async () => {
    await expect(
      openRewarder(reward.parse("./no_such_reward.ts"), { maxTokens: 100, hedges: {} }),
    ).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("reward.module: there is no file"),
    });
  });
});
