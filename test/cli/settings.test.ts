import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { RunSettingsSchema } from "../../arena/config/config.ts";
import { toYaml } from "../../cli/schema.ts";
import { assignmentLayer, fileLayer, type Layer, resolve, valueLayer } from "../../cli/settings.ts";
import { VisplayError } from "../../common/errors.ts";

const Schema = z.strictObject({
  rounds: z.int().min(1).default(3).describe("Rounds of self-play."),
  images: z.string().min(1).default("scenes").describe("Folder of images."),
  reasoner: z
    .strictObject({
      learningRate: z.number().positive().default(1e-4).describe("Of AdamW, per step."),
      groupSize: z.int().min(2, "expected at least 2: G = 1 has no advantage").default(8),
      loss: z.enum(["grpo", "dapo"]).default("grpo"),
      limit: z.union([z.int(), z.literal("none")]).default("none"),
      band: z.array(z.number()).default([0.3, 0.8]),
    })
    .prefault({})
    .describe("The answering role.\nTrained second."),
});

const folder = mkdtempSync(join(tmpdir(), "visplay-settings-"));
afterAll(() => rmSync(folder, { recursive: true }));

function yamlFile(text: string): string {
  const file = join(folder, "run.yaml");
  writeFileSync(file, text);
  return file;
}

function failure(action: () => unknown): VisplayError {
  try {
    action();
  } catch (error) {
    if (error instanceof VisplayError) return error;
    throw error;
  }
  throw new Error("expected a VisplayError");
}

const problems = (...layers: Layer[]) => failure(() => resolve(Schema, layers)).message;

describe("merging", () => {
  test("nothing set gives the defaults", () => {
    expect(resolve(Schema, [])).toMatchObject({
      rounds: 3,
      reasoner: { learningRate: 1e-4, band: [0.3, 0.8] },
    });
  });

  test("later layers win key by key; lists are replaced whole", () => {
    const file = fileLayer(
      yamlFile("rounds: 5\nreasoner:\n  learningRate: 1e-3\n  groupSize: 4\n  band: [0, 1]\n"),
    );
    const layers = [file, valueLayer("--rounds", ["rounds"], 2), assignmentLayer("reasoner.band=[0.5]")];
    expect(resolve(Schema, layers)).toMatchObject({
      rounds: 2,
      reasoner: { learningRate: 1e-3, groupSize: 4, band: [0.5], loss: "grpo" },
    });
  });

  test("an empty file sets nothing", () => {
    expect(resolve(Schema, [fileLayer(yamlFile("# nothing\n"))])).toEqual(resolve(Schema, []));
  });

  test("values of --set have YAML's types and may hold '='", () => {
    expect(assignmentLayer("a.b=1e-4").values).toEqual({ a: { b: 1e-4 } });
    expect(assignmentLayer("a=x=y").values).toEqual({ a: "x=y" });
    expect(assignmentLayer("a=true").values).toEqual({ a: true });
  });
});

describe("a group that may be written as its main setting", () => {
  const modelOf = (...layers: Layer[]) => resolve(RunSettingsSchema, layers).model;

  test("joins with its other settings, whichever comes first", () => {
    const splitting = assignmentLayer("model.splitting=false");
    const wanted = { name: "owner/name", maxPixels: null, splitting: false };
    expect(modelOf(fileLayer(yamlFile("model: owner/name")), splitting)).toEqual(wanted);
    expect(modelOf(splitting, assignmentLayer("model=owner/name"))).toEqual(wanted);
    expect(RunSettingsSchema.parse({ model: "owner/name" }).model).toEqual({ ...wanted, splitting: null });
  });

  test("says where a wrong value comes from", () => {
    expect(failure(() => modelOf(fileLayer(yamlFile("seed: 1\nmodel: 4")))).message).toMatch(
      /model\.name \(.*run\.yaml:2\): found 4, expected string/,
    );
  });
});

describe("errors", () => {
  test("a typo is an error that names the nearest key and the line", () => {
    const file = yamlFile("rounds: 2\nreasoner:\n  groupSize: 4\n  learningrate: 1\n");
    const message = problems(fileLayer(file));
    expect(message).toContain(`unknown key learningrate in reasoner (${file}:4); did you mean learningRate?`);
  });

  test("a key that resembles none lists the known ones", () => {
    expect(problems(assignmentLayer("zzzzz=1"))).toContain(
      "unknown key zzzzz (--set zzzzz=1); known keys: rounds,",
    );
  });

  test("every problem is listed with what was found and expected", () => {
    const message = problems(
      fileLayer(yamlFile("rounds: three\nreasoner:\n  loss: ppo\n  limit: maybe\n")),
      valueLayer("--images", ["images"], 7),
      assignmentLayer("reasoner.groupSize=1"),
    );
    expect(message.split("\n")).toEqual([
      "5 settings are wrong:",
      expect.stringMatching(/^ {2}rounds \(.*run\.yaml:1\): found "three", expected number$/),
      "  images (--images): found 7, expected string",
      "  reasoner.groupSize (--set reasoner.groupSize=1): found 1, expected at least 2: G = 1 has no advantage",
      expect.stringMatching(
        /^ {2}reasoner\.loss \(.*run\.yaml:3\): found "ppo", expected one of "grpo"\|"dapo"$/,
      ),
      expect.stringMatching(/^ {2}reasoner\.limit .*: found "maybe", expected number or "none"$/),
    ]);
  });

  test("a scalar in place of a section says what it found", () => {
    expect(problems(assignmentLayer("reasoner=5"))).toContain(
      "reasoner (--set reasoner=5): found 5, expected object",
    );
  });

  test("keys of Object.prototype are unknown keys like others", () => {
    expect(problems(assignmentLayer("__proto__.x=1"))).toContain("unknown key __proto__");
    expect(problems(assignmentLayer("constructor=1"))).toContain("unknown key constructor");
  });

  test("bad YAML names the line; a missing file its name", () => {
    const broken = yamlFile("rounds: 2\nreasoner: [1\n");
    expect(failure(() => fileLayer(broken)).message).toMatch(/run\.yaml: .*line \d/s);
    expect(failure(() => fileLayer(yamlFile("- 1\n"))).message).toContain(
      "expected keys with values, found [1]",
    );
    const missing = failure(() => fileLayer(join(folder, "none.yaml")));
    expect(missing.code).toBe("config");
    expect(missing.message).toContain("no such file");
  });

  test("a malformed --set is a usage error", () => {
    for (const text of ["rounds", "=1", "a..b=1", "a=[1"]) {
      expect(failure(() => assignmentLayer(text)).code).toBe("usage");
    }
  });
});

test("the defaults render as commented YAML that reads back to the same", () => {
  const defaults = resolve(Schema, []);
  const yaml = toYaml(Schema, defaults);
  expect(yaml).toContain("rounds: 3 # Rounds of self-play.\n");
  expect(yaml).toContain("\n# The answering role.\n# Trained second.\nreasoner:\n");
  expect(yaml).toContain("  learningRate: 0.0001 # Of AdamW, per step.\n");
  expect(yaml).toContain("  loss: grpo # grpo | dapo\n");
  expect(resolve(Schema, [fileLayer(yamlFile(yaml))])).toEqual(defaults);
});

test("an address that is refused is not shown", () => {
  const typed = assignmentLayer("watch.webhook=hooks.example/s3cr3t");
  const refused = () => resolve(RunSettingsSchema, [typed]);
  expect(refused).toThrow("watch.webhook: found something else (not shown), expected");
  expect(refused).not.toThrow("s3cr3t");
});
