import { expect, test } from "vitest";
import type { RgbImage } from "../../images/image.ts";
import type { Completion, Policy, SamplingOptions } from "../../policy/port.ts";
import { Questioner } from "../../questioner/questioner.ts";
import { askedIn } from "../fakes/prompts.ts";

const image = (id: string): RgbImage => ({ id, width: 1, height: 1, data: new Uint8Array(3) });
const completion = (text: string): Completion => ({
  tokens: new Int32Array(1),
  logProbs: new Float32Array(1),
  text,
  finishReason: "stop",
});
const options: SamplingOptions = { groupSize: 2, temperature: 1, topK: 0, topP: 1, maxTokens: 8, seed: 1 };

/** A policy that can only sample. */
function sampling(sample: Policy["sample"]): Policy {
  return { sample } as Policy;
}

test("asks G questions about each image with the template's prompt", async () => {
  const signal = new AbortController().signal;
  const policy = sampling(async (prompts, given, aborted) => {
    expect(given).toEqual(options);
    expect(aborted).toBe(signal);
    expect(prompts.map((prompt) => askedIn(prompt).text)).toEqual(["ask", "ask"]);
    return prompts.map((prompt) => [
      completion(`<question> ${askedIn(prompt).image.id} ? </question>`),
      completion("eh"),
    ]);
  });
  const asked = await new Questioner(policy, { questioner: "ask", format: "tags" }).ask(
    [image("a"), image("b")],
    options,
    signal,
  );
  expect(
    asked.map(({ prompt, questions }) => [askedIn(prompt).image.id, questions.map(({ parsed }) => parsed)]),
  ).toEqual(
    ["a", "b"].map((id) => [
      id,
      [
        { ok: true, question: `${id} ?`, answer: null, format: 1 },
        { ok: false, reason: "no_question" },
      ],
    ]),
  );
  expect(asked[1] && askedIn(asked[1].prompt).image.id).toBe("b");
  expect(asked[1]?.questions).toHaveLength(2);
});

test("missing completions stop it before questions meet the wrong image", async () => {
  const policy = sampling(async () => [[completion(""), completion("")]]);
  await expect(new Questioner(policy).ask([image("a"), image("b")], options)).rejects.toThrow("0 of 2");
});
