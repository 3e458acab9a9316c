import { describe, expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { readModelFolder } from "../../policy/embedded/registry.ts";
import { checkEngine, type EngineReport } from "../../policy/remote/check.ts";
import { spawnProgram } from "../built.ts";
import { tinyFolder } from "../policy/tiny.ts";
import type { DoubleOptions } from "./double.ts";
import { baseModel, clientOf, startDouble } from "./engine.ts";

/** What the check says of a double. */
async function check(options: Partial<DoubleOptions> = {}): Promise<EngineReport> {
  await using double = await startDouble(options);
  const tools = await (await readModelFolder(double.options.folder)).define();
  return await checkEngine(clientOf(double.url), tools, { baseModel, lora: { rank: 8, seed: 0 } });
}

describe("the check", () => {
  test("sees all that a whole server can", async () => {
    const report = await check();
    expect(report).toMatchObject({
      models: [baseModel],
      imagesLost: null,
      isIdempotent: true,
      holdsTwoAdapters: true,
      isProtobuf: true,
      reduction: "sum",
      resumes: true,
      applies: { beta1: true, beta2: true, epsilon: true, weightDecay: true, gradientClipNorm: true },
    });
    expect(report.gap).toBeLessThan(1e-4);
    expect(report.tokensPerSecond).toBeGreaterThan(0);
  });

  test("catches a server that drops images, ignores settings, holds one adapter and reads JSON alone", async () => {
    const report = await check({
      dropsImages: "alone",
      ignores: ["beta2", "weight_decay", "grad_clip_norm"],
      models: 1,
      speaksProtobuf: false,
      pollsTogether: false,
    });
    expect(report).toMatchObject({
      imagesLost: "in training: a wrong number of image tokens was not refused",
      holdsTwoAdapters: false,
      isProtobuf: false,
      resumes: true,
      applies: { beta1: true, beta2: false, epsilon: true, weightDecay: false, gradientClipNorm: false },
    });
  });

  test("takes the refusal of what is said of a picture for what it is, and tries the rest on text", async () => {
    const report = await check({ dropsImages: "withPlaces" });
    expect(report.imagesLost).toMatch(
      /^in training: what is said of a picture is refused: target_tokens are/,
    );
    expect(report).toMatchObject({ isIdempotent: true, reduction: "sum", resumes: true });
    expect(report.gap).toBeLessThan(1e-4);
  });

  test("refuses a model that the server has not, a wrong key, and what is no engine", async () => {
    await using double = await startDouble({ key: "secret" });
    const tools = await (await readModelFolder(double.options.folder)).define();
    const options = { baseModel: "other/model", lora: { rank: 8, seed: 0 } };
    await expect(checkEngine(clientOf(double.url, "secret"), tools, options)).rejects.toThrow(
      "has visplay/tiny; expected other/model",
    );
    await expect(checkEngine(clientOf(double.url), tools, options)).rejects.toThrow(
      "set TINKER_API_KEY to a key",
    );
    await expect(checkEngine(clientOf(double.url, "wrong-key"), tools, options)).rejects.toThrow(
      /the key in TINKER_API_KEY is not one of this engine(?!.*wrong-key)/,
    );
    await expect(checkEngine(clientOf(`${double.url}/elsewhere`, "secret"), tools, options)).rejects.toThrow(
      "refused get_server_capabilities: status 404",
    );
  });
});

describe("the command", () => {
  const options = ["--model", tinyFolder, "--set", `engine.baseModel=${baseModel}`];

  test("says that a run will work", async () => {
    await using double = await startDouble();
    const { code, stdout, stderr } = await spawnProgram(["engine", "check", double.url, ...options]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`models: ${baseModel}`);
    expect(stdout).toContain("a run of these settings will work");
  });

  test("and a run say why one will not", async () => {
    await using double = await startDouble({ dropsImages: "alone", ignores: ["weight_decay"] });
    const { code, stdout, stderr } = await spawnProgram(["engine", "check", double.url, ...options]);
    expect(code).toBe(exitCodes.engine);
    expect(stdout).toContain("the engine drops images");
    expect(stdout).toContain("set optimizer.weightDecay to 0");
    expect(stderr).toContain("will not work");
    const run = await spawnProgram(["train", "--engine", double.url, ...options]);
    expect(run.code).toBe(exitCodes.engine);
    expect(run.stderr).toContain("images reach the model: in training: a wrong number of image tokens");
  });
});
