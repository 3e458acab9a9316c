import { expect, test } from "vitest";
import * as z from "zod";
import { reward } from "../../../arena/config/reward.ts";
import { questionEnvironment } from "../../../environments/question.ts";
import { sceneQuestions } from "../../../environments/scenes.ts";
import { openRewarder } from "../../../environments/task_reward.ts";
import { defineTool } from "../../../environments/tools/tool.ts";
import { withTools } from "../../../environments/tools/tool_environment.ts";
import { Toolkit } from "../../../environments/tools/toolkit.ts";
import { trajectoryJudge } from "../../../environments/trajectory_reward.ts";
import { SceneSource } from "../../../images/scenes/source.ts";
import { defaultReasonerTemplates } from "../../../reasoner/prompt.ts";
import { promptOf } from "../../../training/environment.ts";
import { rollOut, type Trajectory } from "../../../training/rollout.ts";

/** A tool whose answer says a number that stands nowhere else. */
const weigh = defineTool({
  name: "weigh",
  description: "says how heavy a thing is",
  arguments: z.strictObject({ cell: z.string() }),
  isPure: true,
  run: async () => ["4711 grams"],
});
const toolkit = new Toolkit([weigh], {
  ...{
    section: null,
    form: "section",
    maxCalls: 9,
    price: 0,
    prices: {},
    freeCalls: 0,
    faultPrice: 0,
    bonus: 0,
  },
  ...{ timeLimitMs: 1000, maxText: 100, maxPixels: 1_000_000 },
});
const scenes = new SceneSource({ domain: "target", count: 20, seed: 5 });
const rewarder = await openRewarder(reward.parse({}), { maxTokens: 100, hedges: {} });
const environment = withTools(
  questionEnvironment(sceneQuestions(scenes), defaultReasonerTemplates, rewarder),
  toolkit,
);

const call = (given: object) =>
  `<tool_call>${JSON.stringify({ name: "weigh", arguments: given })}</tool_call>`;
const good = call({ cell: "p00" });
const bad = call({ sell: "p00" });

/** A trajectory in a scene, said turn by turn by who knows the right thinking and answer, and a wrong one of each. */
async function play(task: number, say: (right: string, answer: string) => readonly string[]) {
  const start = await environment.reset(task, { seed: task, fit: () => null });
  const shown = (await environment.demonstrate?.(start.state, 0)) as string;
  const [thought = "", answer = ""] = shown.split(/(?=<answer>)/);
  const texts = say(thought, answer);
  const sample = async (asked: readonly unknown[], _group: number, turn: number) =>
    asked.map(() => {
      const text = texts[turn] as string;
      const { length } = text;
      const finishReason = "stop" as const;
      return [{ text, tokens: new Int32Array(length), logProbs: new Float32Array(length), finishReason }];
    });
  const judge = trajectoryJudge("agent", true);
  const options = { groupSize: 1, maxTurns: texts.length, judge };
  const beginning = { prompt: promptOf(start), state: start.state };
  const [[only] = []] = (await rollOut([beginning], environment, sample, options)) as Trajectory[][];
  return only as Trajectory;
}

const wrong = "<answer> 4711 </answer>";
const blind = "<think> purple cross p00 p01 p02 p03 p10 p11 p12 p13 </think>";

/** What was planted; where the failure began, and how well the tool was used. */
test.each<[string, (right: string, answer: string) => string[], [number, string] | null, number]>([
  ["nothing", (right, answer) => [`${right}${good}`, `It weighs 4711. ${answer}`], null, 1],
  ["nothing, and nothing called", (right, answer) => [`${right}${answer}`], null, 1],
  ["a wrong description", () => [`${blind}${good}`, `4711, so ${wrong}`], [0, "description"], 1],
  ["a wrong description alone", () => [`${blind}${wrong}`], [0, "description"], 0],
  ["a wrong call", (right) => [`${right}${bad}`, wrong], [0, "call"], 0],
  ["a wrong call that is made good", (right) => [`${right}${bad}`, good, wrong], [2, "use"], 0.5],
  ["a call made again", (right) => [`${right}${good}`, `4711 ? ${good}`, wrong], [1, "call"], 0.5],
  ["an unused answer", (right) => [`${right}${good}`, "<answer> purple </answer>"], [1, "use"], 0],
  ["a wrong conclusion", (right) => [`${right}${good}`, `4711, so ${wrong}`], [1, "use"], 1],
  ["a wrong answer alone", (right) => [`${right}${wrong}`], [0, "answer"], 0],
  ["no answer at all", (right) => [`${right}${good}`, `4711 ? ${call({ cell: "p01" })}`], [1, "use"], 0.5],
])("planted: %s", async (_, say, began, used) => {
  for (let task = 0; task < 20; task++) {
    const { failure, parts } = await play(task, say);
    expect(failure).toEqual(began && { turn: began[0], kind: began[1] });
    expect(parts?.toolUse).toBe(used);
    if (began?.[1] === "description") expect(parts?.understanding).toBeLessThan(1);
    else expect(parts?.understanding).toBe(1);
  }
});
