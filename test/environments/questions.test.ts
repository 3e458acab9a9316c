import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { reward } from "../../arena/config/reward.ts";
import { dataQuestions } from "../../environments/data.ts";
import { frameOrders } from "../../environments/frame_order.ts";
import { jigsaws } from "../../environments/jigsaw.ts";
import { oddOnesOut } from "../../environments/odd_one_out.ts";
import { type KnownQuestions, questionEnvironment } from "../../environments/question.ts";
import { sceneQuestions } from "../../environments/scenes.ts";
import { openRewarder } from "../../environments/task_reward.ts";
import { findFilms } from "../../images/films.ts";
import type { RgbImage } from "../../images/image.ts";
import { parseSceneQuestion } from "../../images/scenes/questions.ts";
import { solve } from "../../images/scenes/solve.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import { mirror, reorderTiles } from "../../images/tiles.ts";
import { defaultReasonerTemplates } from "../../reasoner/prompt.ts";
import { orderIn } from "../../rewards/order.ts";

const scenes = new SceneSource({ domain: "target", count: 40, seed: 7 });
const options = (seed: number) => ({ seed, fit: () => null });

async function environmentOf(questions: KnownQuestions, verifier = "equivalent") {
  const config = reward.parse({ verifier });
  return questionEnvironment(
    questions,
    defaultReasonerTemplates,
    await openRewarder(config, { maxTokens: 64, hedges: {} }),
  );
}

const say = (text: string) => ({ text, tokens: new Int32Array(9), finishReason: "stop" as const });

describe("a question", () => {
  test("is asked as a Reasoner is, and judged by its answer, in one turn", async () => {
    const items = [{ question: "which colour ?", truths: ["red", "crimson"], chain: null }];
    const images = new SceneSource({ domain: "target", count: 1, seed: 1 });
    const environment = await environmentOf(dataQuestions("rows", { images, items }));
    const { turns, state, question, label, name, file } = await environment.reset(0, options(0));
    expect([environment.tasks, question, label, name]).toEqual([
      1,
      "which colour ?",
      "red | crimson",
      "target scene 0",
    ]);
    expect(turns).toEqual([
      { role: "user", parts: [await images.draw(0), expect.stringMatching(/Question: which colour \?\n/)] },
    ]);
    expect(file?.id).toBe((await images.draw(0)).id);
    const right = await environment.step(state, say("<answer> crimson </answer>"));
    expect(right).toMatchObject({
      turns: null,
      success: true,
      parts: { correctness: 1, format: 1, length: 0 },
    });
    const wrong = await environment.step(state, say("blue"));
    expect(wrong).toMatchObject({ turns: null, success: false, parts: { correctness: 0 } });
    const cut = await environment.step(state, { ...say("<answer> red"), finishReason: "length" });
    expect(cut).toMatchObject({ success: false, parts: { correctness: 0, length: -1 } });
  });

  test("about a scene judges what is said of it before the answer, or before a call; others do not", async () => {
    const environment = await environmentOf(sceneQuestions(scenes));
    const judge = async (task: number, say: (right: string) => string) => {
      const { state } = await environment.reset(task, options(task));
      const right = await environment.demonstrate?.(state, 0);
      return environment.understanding?.(state, say(right as string));
    };
    const call = '<tool_call>{"name": "zoom", "arguments": {"box": [0, 0, 9, 9]}}</tool_call>';
    for (let task = 0; task < 40; task++) {
      expect(await judge(task, (right) => right)).toBe(1);
      expect(await judge(task, (right) => `${right.replace(/<answer>.*/, "")}${call}`)).toBe(1);
      // What is only the answer, or stands in the call, says nothing of the picture.
      expect(await judge(task, () => "<answer> red </answer>")).toBe(0);
      expect(await judge(task, () => call.replace("zoom", "red circle p00"))).toBe(0);
    }
    const items = [{ question: "which colour ?", truths: ["red"], chain: null }];
    const images = new SceneSource({ domain: "target", count: 1, seed: 1 });
    expect((await environmentOf(dataQuestions("rows", { images, items }))).understanding).toBe(undefined);
  });

  test("of a scene is another for another seed, and what the scene implies", async () => {
    const questions = sceneQuestions(scenes);
    const asked = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const { question, truths, images } = await questions.at(seed % 40, options(seed));
      const known = parseSceneQuestion(question);
      expect(truths).toEqual([known && solve(scenes.scene(seed % 40), known).answer]);
      expect(images).toEqual([await scenes.draw(seed % 40)]);
      asked.add(question);
    }
    expect(asked.size).toBeGreaterThan(40);
    expect(await questions.at(3, options(5))).toEqual({
      ...(await questions.at(3, options(5))),
      file: expect.anything(),
    });
  });
});

describe("tiles", () => {
  const pixel = ({ width, data }: RgbImage, x: number, y: number) => [
    ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
  ];

  test("go where the order says, and back", async () => {
    const image = await scenes.draw(0);
    const order = [2, 0, 3, 1];
    const moved = reorderTiles(image, 2, order);
    expect(pixel(moved, 5, 7)).toEqual(pixel(image, 5, 7 + 32));
    expect(pixel(moved, 33, 40)).toEqual(pixel(image, 33, 40 - 32));
    const back = order.map((_, place) => order.indexOf(place));
    expect(reorderTiles(moved, 2, back)).toEqual(image);
    expect(reorderTiles(image, 3, [0, 1, 2, 3, 4, 5, 6, 7, 8])).toMatchObject({ width: 63, height: 63 });
    expect(pixel(mirror(image), 0, 9)).toEqual(pixel(image, 63, 9));
    expect(mirror(mirror(image))).toEqual(image);
  });
});

describe("a jigsaw", () => {
  test("names the tiles that are seen, so that they can be put back", async () => {
    const questions = jigsaws(scenes, 3);
    expect(questions.length).toBe(40);
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const { images, truths } = await questions.at(4, options(seed));
      const tiles = orderIn(truths[0] as string).map((number) => Number(number) - 1);
      const back = tiles.map((_, place) => tiles.indexOf(place));
      expect(reorderTiles(images[0], 3, back)).toEqual(
        reorderTiles(await scenes.draw(4), 3, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
      );
      expect(tiles).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      orders.add(String(tiles));
    }
    expect(orders.size).toBeGreaterThan(15);
  });

  test("is right by the share of tiles in their places", async () => {
    const environment = await environmentOf(jigsaws(scenes, 2), "order");
    const { state, label } = await environment.reset(0, options(1));
    const [a, b, c, d] = orderIn(label as string);
    const earned = async (answer: string) =>
      (await environment.step(state, say(`<answer> ${answer} </answer>`))).parts;
    expect(await earned(`${a}, ${b}, ${c}, ${d}`)).toMatchObject({ correctness: 1 });
    expect(await earned(`${a} ${b} ${d} ${c}`)).toMatchObject({ correctness: 0.5 });
    expect(await earned(`${a} ${a} ${c} ${d}`)).toMatchObject({ correctness: 0 });
    expect(await earned(`${a} ${b} ${c}`)).toMatchObject({ correctness: 0 });
  });
});

describe("an odd one out", () => {
  test("is the copy that no other light explains, at any place", async () => {
    const questions = oddOnesOut(scenes, 4);
    const odd = new Set<string>();
    for (let seed = 0; seed < 24; seed++) {
      const { images, truths } = await questions.at(seed % 40, options(seed));
      expect(images.length).toBe(4);
      expect(new Set(images.map(({ id }) => id)).size).toBe(4);
      const place = Number(truths[0]) - 1;
      const likeness = images.map((image) =>
        Math.max(
          ...images.filter((other) => other !== image).map((other) => correlation(image.data, other.data)),
        ),
      );
      expect(likeness.indexOf(Math.min(...likeness))).toBe(place);
      odd.add(String(truths));
    }
    expect(odd).toEqual(new Set(["1", "2", "3", "4"]));
  });
});

/** How alike two pictures are, whatever their brightness and contrast. */
function correlation(a: Uint8Array, b: Uint8Array): number {
  const mean = (values: Uint8Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const [x, y] = [value - ma, (b[i] as number) - mb];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

describe("an order of frames", () => {
  const folder = mkdtempSync(join(tmpdir(), "visplay-films-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("gives each frame its number among those that are seen", async () => {
    const frames = [10, 60, 110, 160, 210].map((grey) => ({
      create: { width: 8, height: 8, channels: 3 as const, background: { r: grey, g: grey, b: grey } },
    }));
    const pages = await Promise.all(frames.map((frame) => sharp(frame).png().toBuffer()));
    await sharp(pages, { join: { animated: true } })
      .webp({ lossless: true, delay: pages.map(() => 100) })
      .toFile(join(folder, "a.webp"));
    await sharp(pages[0]).png().toFile(join(folder, "still.png"));
    const films = await findFilms(folder);
    expect(films.map(({ name }) => name)).toEqual(["a.webp"]);
    const questions = frameOrders(films, 5);
    for (let seed = 0; seed < 5; seed++) {
      const { images, truths, name } = await questions.at(0, options(seed));
      const greys = images.map(({ data }) => data[0] as number);
      const inOrder = orderIn(truths[0] as string).map((number) => greys[Number(number) - 1]);
      expect(inOrder).toEqual(greys.toSorted((a, b) => a - b));
      expect(inOrder).not.toEqual(greys);
      expect(name).toBe("a.webp");
    }
    await expect(frameOrders(films, 9).at(0, options(0))).rejects.toMatchObject({
      code: "images",
      message: "found 5 frames, expected 9; ask for fewer",
    });
    rmSync(join(folder, "a.webp"));
    await expect(findFilms(folder)).rejects.toMatchObject({ code: "images" });
  });
});
