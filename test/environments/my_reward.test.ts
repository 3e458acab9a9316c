import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { reward } from "../../arena/config/reward.ts";
import { openRewarder, rewardOf, type Task } from "../../environments/task_reward.ts";
import { imageOf } from "../../images/image.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import { blocksOf } from "../docs/pages.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-my-reward-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the reward that docs/rewards.md shows does what it says", async () => {
  const shown = blocksOf("docs/rewards.md").find(({ language }) => language === "ts");
  const module = join(folder, "my_reward.ts");
  writeFileSync(module, shown?.code ?? "");
  const config = { ...reward.parse({}), module };
  const judge = await openRewarder(config, { maxTokens: 64, hedges: {} });
  const task = (truth: string): Task => ({
    question: "How many dots are there?",
    truths: [truth],
    image: imageOf(1, 1, new Uint8Array(3)),
  });
  const answers = [
    "<think> Three on the left, one in a corner. </think> <answer> 4 </answer>",
    "<think> I count. </think> <answer> 3 dots </answer>",
    "<answer> many </answer>",
  ].map((text) => {
    const completion = { tokens: new Int32Array(9), logProbs: new Float32Array(9), text };
    return { completion: { ...completion, finishReason: "stop" as const }, parsed: parseAnswer(text) };
  });
  const judged = (truth: string) => Promise.all(answers.map((answer) => judge(task(truth), answer)));
  const counted = await judged("4");
  expect(counted.map(({ parts }) => [parts?.near, parts?.places])).toEqual([
    [1, 1],
    [0.5, 0],
    [0, 0],
  ]);
  expect(counted.map(({ parts }) => rewardOf(parts, config))).toEqual([3, 0.1 + 0.5, 0.1]);
  const unsure = await judged("several");
  expect(unsure.map(({ parts }) => rewardOf(parts, config))).toEqual([null, null, null]);
});
