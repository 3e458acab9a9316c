import { expect, test } from "vitest";
import * as z from "zod";
import { detectorChecker } from "../../../environments/checkers/detector.ts";
import { textChecker } from "../../../environments/checkers/text_reader.ts";
import { defineTool, type Tool, ToolFault } from "../../../environments/tools/tool.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";

/** Pictures that are their own number. */
const picture = (number: number): RgbImage => imageOf(1, 1, Uint8Array.of(number, 0, 0));
const claimed = (number: number, claim: string) => ({ image: picture(number), question: "?", claim });

/** A tool that says of a picture what is noted of its number, and counts its calls. */
function noted(answers: Readonly<Record<number, object>>): {
  readonly tool: Tool;
  readonly calls: unknown[];
} {
  const calls: unknown[] = [];
  const tool = defineTool({
    ...{ name: "noted", description: "", isPure: true },
    arguments: z.strictObject({ image: z.int().default(1), threshold: z.number().default(9) }),
    async run(given, { images }) {
      calls.push(given);
      const answer = answers[images[given.image - 1]?.data[0] ?? -1];
      if (!answer) throw new ToolFault("timedOut", "late");
      return [JSON.stringify(answer)];
    },
  });
  return { tool, calls };
}

const seen = (...labels: string[]) => ({ objects: labels.map((label) => ({ label, score: 0.9 })) });

test("a detector looks for the things that it knows, once in each picture", async () => {
  const { tool, calls } = noted({ 1: seen("cat", "traffic light"), 2: seen("dog") });
  const labels = ["cat", "dog", "traffic light", "bus"];
  const checker = detectorChecker(tool, { labels, threshold: 0.7 });
  expect(
    await checker.check([
      claimed(1, "Two cats sit below traffic lights."),
      claimed(1, "A dog and a cat play."),
      claimed(1, "There is a bus."),
      claimed(1, "It is a sunny day."),
      claimed(2, "No cat is here, but a dog."),
      claimed(3, "A dog runs."),
    ]),
  ).toEqual([1, 0.5, 0, null, 1, null]);
  expect(calls).toEqual([1, 2, 3].map(() => ({ image: 1, threshold: 0.7 })));
});

test("a reader of text looks for the words that are quoted", async () => {
  const lines = [{ text: "STOP here!" }, { text: "Café 24" }];
  const { tool } = noted({ 1: { lines } });
  const checker = textChecker(tool);
  expect(
    await checker.check([
      claimed(1, 'The sign says "Stop".'),
      claimed(1, "Above it stands “café 25”."),
      claimed(1, "It reads 'go there'."),
      claimed(1, "The dog's sign isn't easy to read."),
      claimed(2, 'The sign says "Stop".'),
    ]),
  ).toEqual([1, 0.5, 0, null, null]);
});

test("what is no fault of a call ends the check, and so does who stops it", async () => {
  const broken = defineTool({
    ...{ name: "broken", description: "", isPure: true, arguments: z.strictObject({}) },
    run: () => Promise.reject(new TypeError("a mistake")),
  });
  await expect(textChecker(broken).check([claimed(1, '"a"')])).rejects.toThrow("a mistake");
  const { tool } = noted({});
  const stopped = AbortSignal.abort(new Error("stopped"));
  await expect(textChecker(tool).check([claimed(1, '"a"')], stopped)).rejects.toThrow("stopped");
});
