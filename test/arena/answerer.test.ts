import { describe, expect, test } from "vitest";
import * as z from "zod";
import { Answerer, type AnswerTools } from "../../arena/answerer.ts";
import { defineTool } from "../../environments/tools/tool.ts";
import { Toolkit } from "../../environments/tools/toolkit.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import type { Example } from "../../policy/port.ts";
import { vote } from "../../reasoner/vote.ts";
import { picture, tinyOptions } from "../policy/tiny.ts";
import { toolModel } from "../policy/tool_model.ts";

const look = defineTool({
  name: "look",
  description: "looks again",
  arguments: z.strictObject({}),
  isPure: true,
  run: async () => ["seen: ", picture(2)],
});
const options = {
  ...{ section: null, maxCalls: 2, timeLimitMs: 1000, maxText: 100, maxPixels: 1e6 },
  ...{ price: 0, prices: {}, freeCalls: 0, faultPrice: 0, bonus: 0 },
};

const asked = { image: picture(0), question: "How many?" };
const templates = { reasoner: "{question}", format: "tags" } as const;
const said = ['<tool_call>{"name": "look"}</tool_call>', "<answer> 7 </answer>"] as const;

/** The tiny model, taught to call the tool and then to answer. */
async function taught(folder: string, form: "template" | "section") {
  const policy = await LocalPolicy.open(folder, tinyOptions);
  const { hasToolForm } = await policy.info();
  const toolkit = new Toolkit([look], { ...options, form });
  const tools: AnswerTools = { toolkit, maxTurns: 3, hasToolForm };
  const answerer = new Answerer(policy, templates, tools);
  const prompt = answerer.prompt(asked);
  const seen =
    form === "template"
      ? ["seen: ", picture(2)]
      : ["<tool_response>", "seen: ", picture(2), "</tool_response>"];
  const tokens = policy.tokenizer.encode(said[0]);
  const turns = [...prompt.turns, { role: "assistant", tokens }, { role: "tool", parts: seen }] as const;
  const examples: Example[] = [
    { prompt, completion: tokens },
    { prompt: { ...prompt, turns }, completion: said[1] },
  ];
  let loss = Number.POSITIVE_INFINITY;
  for (let step = 0; loss > 0.02 && step < 200; step++)
    ({ loss } = await policy.supervise(examples, { learningRate: 5e-3 }));
  expect(loss).toBeLessThan(0.02);
  return { policy, answerer, prompt };
}

const sampling = { samples: 3, temperature: 1e-3, topK: 0, topP: 1, maxTokens: 40, seed: 5 };

describe("the Reasoner with tools", () => {
  test.each(["template", "section"] as const)(
    "calls one, reads its answer, and answers: told by the %s",
    async (form) => {
      await using model = await toolModel("qwen3_vl");
      const { policy, answerer, prompt } = await taught(model.folder, form);
      const [given] = await answerer.answer([asked], sampling);
      expect(given?.prompt).toEqual(prompt);
      expect(given?.tools?.told).toBe(form === "template" ? "template" : "usualWords");
      expect("tools" in prompt).toBe(form === "template");
      expect(given?.answers.length).toBe(3);
      for (const { trajectory, parsed, verified } of given?.answers ?? []) {
        expect(trajectory?.turns.map(({ text }) => text)).toEqual(said);
        expect(parsed).toMatchObject({ outcome: "answered", canonical: "7" });
        expect(verified).toBe(true);
      }
      expect(vote(given?.answers ?? [])).toMatchObject({ silver: "7", confidence: 1, verified: 3 });
      // What was sampled turn by turn is what is trained on as a whole.
      const [drawn] = await answerer.answer([asked], { ...sampling, samples: 4, temperature: 1.5 });
      const completions = drawn?.answers.map(({ completion }) => completion) ?? [];
      expect(completions.some(({ observations }) => (observations ?? []).length > 0)).toBe(true);
      const [scores] = await policy.score([{ prompt, completions }], { weights: "policy", temperature: 1.5 });
      for (const [i, { logProbs, tokens }] of completions.entries()) {
        expect(tokens.length).toBe(logProbs.length);
        for (const [t, value] of logProbs.entries()) expect(scores?.[i]?.[t]).toBeCloseTo(value, 3);
      }
      expect(Math.min(...completions.flatMap(({ logProbs }) => [...logProbs]))).toBeLessThan(-0.5);
      await policy[Symbol.asyncDispose]();
    },
    120_000,
  );
});
