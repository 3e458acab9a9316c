import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { OwnEnvironment } from "../../environments/own/own_environment.ts";
import type { RgbImage } from "../../images/image.ts";
import { imagesIn } from "../../policy/prompts.ts";
import { blocksOf } from "../docs/pages.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-my-environment-"));
afterAll(() => rmSync(folder, { recursive: true }));

const say = (text: string) => ({ text, tokens: new Int32Array(3), finishReason: "stop" as const });

test("the environment that docs/environments.md shows does what it says", async () => {
  const shown = blocksOf("docs/environments.md").find(({ language }) => language === "ts");
  const code = shown?.code ?? "";
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(40);
  const path = join(folder, "my_env.ts");
  writeFileSync(path, code);
  const limits = { threads: 1, timeLimitMs: 30_000, memoryMb: 128 };
  await using environment = await OwnEnvironment.open(path, {
    ...limits,
    setting: "stages.0.environment.name",
    options: { size: 8 },
  });
  expect(environment.tasks).toBe(1000);
  const { turns, state, label } = await environment.reset(6, { seed: 3, fit: () => null });
  expect(label).toBe("top right");
  const brightest = (shown: typeof turns) => {
    const { width, data } = imagesIn(shown)[0] as RgbImage;
    expect(width).toBe(8);
    const at = data.indexOf(Math.max(...data)) / 3;
    return [Math.max(...data), at % 8 >= 4, at < 32];
  };
  expect(brightest(turns)).toEqual([115, true, true]);
  const nearer = await environment.step(state, say("let me look"));
  if (nearer.turns === null) throw new Error("it ended");
  expect(nearer.parts).toEqual({ price: -0.1 });
  expect(brightest([...nearer.turns])).toEqual([146, true, true]);
  const right = await environment.step(nearer.state, say("it is top right"));
  expect(right).toEqual({ turns: null, parts: { correct: 1 }, success: true });
  const wrong = await environment.step(nearer.state, say("bottom left"));
  expect(wrong).toEqual({ turns: null, parts: { correct: 0 }, success: false });
});
