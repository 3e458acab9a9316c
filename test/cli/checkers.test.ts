import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkDescriptions } from "../../arena/attribution.ts";
import { viewsChecker } from "../../arena/checkers.ts";
import { sceneTests } from "../../arena/scene_tests.ts";
import { openCheckers } from "../../cli/checkers.ts";
import { openModel } from "../../cli/model.ts";
import { openRunPolicy, templatesOf } from "../../cli/open.ts";
import { zip } from "../../common/zip.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";
import { Describer } from "../../reasoner/describer.ts";
import { configOf } from "../fakes/config.ts";
import { writeDetector } from "../fakes/picture_models.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-checkers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const opening = { signal: new AbortController().signal, say: () => {}, show: () => {} };
const configured = (checker: object, more: object = {}) => configOf({ attribution: { checker, ...more } });

/** Red on the left, blue on the right. */
const halves: RgbImage = imageOf(
  ...[16, 8],
  Uint8Array.from({ length: 16 * 8 * 3 }, (_, i) =>
    i % 3 === (Math.floor(i / 3) % 16 < 8 ? 0 : 2) ? 255 : 0,
  ),
);

describe("checkers that a user names", () => {
  test("are opened in turn, pinned, and asked: a detector and another model", async () => {
    const detect = writeDetector(join(folder, "detector"));
    const config = configured({ detect, policy: "tiny" });
    await using opened = await openCheckers(config, opening);
    expect(opened.checkers.map(({ name }) => name)).toEqual(["detector", "policy"]);
    expect(Object.keys(opened.inputs)).toEqual(
      expect.arrayContaining(["attribution.checker.detect", "attribution.checker.policy/config.json"]),
    );
    const asked = { image: halves, question: "?", truth: null };
    const [red, green, other] = await checkDescriptions(
      [
        { ...asked, description: "It is red and blue." },
        { ...asked, description: "A green field. Red below." },
        { ...asked, description: "Nothing that it knows." },
      ],
      opened.checkers,
    );
    expect(red).toEqual({ detector: 1 });
    expect(green).toEqual({ detector: 0.5 });
    expect(Object.keys(other ?? {})).toEqual(["policy"]);
  }, 60_000);

  test("are opened only where they are asked", async () => {
    for (const config of [
      configured({ kind: "base", detect: "./none" }),
      configured({ detect: "./none" }, { share: 0, evaluation: false }),
    ]) {
      await using opened = await openCheckers(config, opening);
      expect(opened.checkers).toEqual([]);
    }
  });

  test.each([
    [
      { detect: "./none" },
      "model",
      /^attribution\.checker\.detect: found no model in \.\/none, expected a folder/,
    ],
    [{ policy: "./none" }, "model", /^attribution\.checker\.policy: model \.\/none is no folder/],
    [{ ocr: "xxx" }, "config", /^attribution\.checker\.ocr needs.*npm install @tesseract\.js-data\/xxx/s],
  ])("%j is refused by its setting, with what to do", async (checker, code, message) => {
    await expect(openCheckers(configured(checker), opening)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test.each(["detector", "ocr", "policy"])("%s alone has to be named", (kind) => {
    expect(() => configured({ kind })).toThrow(/expected (a|another) \w+.*kind is/);
    expect(() => configOf({ attribution: { checker: "base" } })).not.toThrow();
  });
});

test("views of scenes tell the embedded model's right descriptions from its wrong ones", async () => {
  const config = configOf({ evaluation: { questions: 105, scenes: 105 } });
  const model = await openModel(config, opening.signal);
  await using policy = await openRunPolicy(model, "reasoner");
  const describer = new Describer(policy, templatesOf(model));
  const tests = (await sceneTests(config.evaluation)?.read(0, 105, () => null)) ?? [];
  const sampling = { temperature: 0, topK: 0, topP: 1, maxTokens: 64, seed: 1 };
  const descriptions = await describer.describeOnce(tests, sampling);
  const described = zip(tests, descriptions).map(([{ image, question }, description]) => {
    return { image, question, description, truth: null };
  });
  const checks = await checkDescriptions(described, [
    viewsChecker(describer, { views: 2, maxTokens: 64, seed: 1 }),
  ]);
  const known = zip(zip(tests, descriptions), checks).flatMap(([[{ shows }, description], { views }]) =>
    description === null || views === undefined ? [] : [{ right: shows?.(description), views }],
  );
  const [right, wrong] = [true, false].map((is) => known.filter((each) => each.right === is));
  expect(known.length).toBeGreaterThan(80);
  // How often a right one has more agreement than a wrong one: 0.5 by chance.
  const above = (right ?? []).flatMap((a) =>
    (wrong ?? []).map((b) => Math.sign(a.views - b.views) / 2 + 0.5),
  );
  expect(above.reduce((sum, each) => sum + each, 0) / above.length).toBeGreaterThan(0.65);
}, 120_000);
