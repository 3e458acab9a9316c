import { expect, test } from "vitest";
import { checkDescriptions } from "../../arena/attribution.ts";
import { askingChecker, checkersOf, viewsChecker } from "../../arena/checkers.ts";
import { VisplayError } from "../../common/errors.ts";
import { zip } from "../../common/zip.ts";
import type { CheckerName, ClaimChecker } from "../../environments/checkers/claim_checker.ts";
import { imageOf } from "../../images/image.ts";
import { textOf } from "../../policy/prompts.ts";
import { Describer } from "../../reasoner/describer.ts";
import type { Reference } from "../../training/grpo.ts";
import { asking } from "../fakes/asking.ts";
import { FakePolicy, type Script } from "../fakes/policy.ts";
import { VirtualTime } from "../fakes/virtual_time.ts";

const image = imageOf(1, 1, Uint8Array.of(9, 9, 9));
const described = (description: string | null, truth: boolean | null = null) => {
  return { image, question: "what ?", description, truth };
};

/** Knows some claims, and notes what it was asked. */
function knows(name: CheckerName, sure: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  const checker: ClaimChecker = {
    name,
    async check(claims) {
      asked.push(...claims.map(({ claim }) => claim));
      return claims.map(({ claim }) => sure[claim] ?? null);
    },
  };
  return { checker, asked };
}

test("each sentence is judged by the first who can tell, and each of these is a check by name", async () => {
  const detector = knows("detector", { "A cat.": 1, "A dog.": 0 });
  const base = knows("base", { "It rains.": 0.75, "It snows.": 0.25 });
  const checks = await checkDescriptions(
    [
      described("A cat. A dog.\nIt rains. It snows."),
      described(null),
      described("A dog.", true),
      described("A cat."),
      described("What nobody knows."),
    ],
    [detector.checker, base.checker],
  );
  expect(checks).toEqual([{ detector: 0.5, base: 0.5 }, {}, { truth: 1 }, { detector: 1 }, {}]);
  expect(base.asked).toEqual(["It rains.", "It snows.", "What nobody knows."]);
});

test("who is asked, by the setting", () => {
  const named = [knows("detector", {}).checker, knows("ocr", {}).checker];
  const other = knows("policy", {}).checker;
  const own = { base: knows("base", {}).checker, views: knows("views", {}).checker };
  const names = (kind: Parameters<typeof checkersOf>[0]["kind"], some = named) =>
    checkersOf({ kind }, { named: some, ...own }).map(({ name }) => name);
  expect(names("auto", [])).toEqual(["base"]);
  expect(names("auto")).toEqual(["detector", "ocr", "base"]);
  expect(names("auto", [...named, other])).toEqual(["detector", "ocr", "policy"]);
  expect(names("truth")).toEqual([]);
  expect(names("ocr")).toEqual(["ocr"]);
  expect(names("base")).toEqual(["base"]);
  expect(names("views")).toEqual(["views"]);
});

test("a model is asked of each claim; what it cannot take is not judged", async () => {
  const yes = Int32Array.of(1, 0);
  const model: Reference = {
    async score(groups) {
      const texts = groups.map(({ prompt }) => textOf(prompt));
      if (texts.some((text) => text.includes("too large"))) throw new VisplayError("prompt", "no room");
      expect(groups[0]?.completions.map(({ tokens }) => tokens)).toEqual([yes, Int32Array.of(2, 0)]);
      return texts
        .map((text) => [text.includes("true") ? [-0.1, -0.1] : [-2, -1], [-1, -0.2]])
        .map((pair) => pair.map((logProbs) => Float32Array.from(logProbs)));
    },
  };
  const encode = (word: string) => (word === "yes" ? yes : Int32Array.of(2, 0));
  const checker = askingChecker("policy", model, encode);
  const claims = ["cats", "too large", "dogs"].map((claim) => ({ image, question: "?", claim }));
  const sure = await checker.check(claims);
  expect(sure[1]).toBeNull();
  for (const value of [sure[0], sure[2]]) expect(value).toBeCloseTo(1 / (1 + Math.exp(-1.2 + 0.2)), 6);
});

test("views agree as far as other descriptions have the same words together", async () => {
  const said: Readonly<Record<number, string>> = {
    1: "Here a red car stands at the tree.",
    2: "A car that is red. A blue tree.",
  };
  const script: Script = ({ image }) => said[Number(/-(\d)$/.exec(image?.id ?? "")?.[1])] ?? "";
  const time = new VirtualTime();
  const policy = new FakePolicy({ script, time });
  const checker = viewsChecker(new Describer(policy, asking.templates), { views: 3, maxTokens: 9, seed: 1 });
  const claims = ["A red car.", "A blue car", "the tree", "It is."].map((claim) => ({
    ...{ image, question: "?", claim },
  }));
  const result = checker.check(claims);
  const beat = setInterval(() => void time.run(), 1);
  const sure = await result.finally(() => clearInterval(beat));
  // The third view could not be described.
  expect(zip(claims, sure).map(([{ claim }, value]) => [claim, value])).toEqual([
    ["A red car.", 1],
    ["A blue car", 0],
    ["the tree", 1],
    ["It is.", null],
  ]);
  expect(policy.calls.filter(({ method }) => method === "sample")).toHaveLength(3);
});
