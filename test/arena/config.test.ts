import { describe, expect, it } from "vitest";
import * as z from "zod";
import { RunConfigSchema, RunSettingsSchema } from "../../arena/config.ts";

/** "path: message" of every issue of a configuration. */
function issues(input: unknown): string[] {
  const result = RunConfigSchema.safeParse(input);
  return result.success ? [] : result.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`);
}

describe("RunConfigSchema", () => {
  it("needs nothing: every setting has a default", () => {
    const config = RunConfigSchema.parse({});
    expect(config.rounds).toBe(3);
    expect(config.curriculum.band).toEqual({ low: 0.7, high: 1 });
    expect(RunConfigSchema.parse(config)).toEqual(config);
  });

  it("resolves how long completions may be by the model", () => {
    const longest = (input: object) => {
      const { questioner, reasoner } = RunConfigSchema.parse(input);
      return [questioner.maxTokens, reasoner.maxTokens];
    };
    expect(longest({})).toEqual([32, 32]);
    expect(longest({ model: "owner/name" })).toEqual([192, 512]);
    expect(longest({ model: "owner/name", reasoner: { maxTokens: 40 } })).toEqual([192, 40]);
    // A file of settings that was printed for one model serves another.
    const printed = RunSettingsSchema.parse({});
    expect(longest({ ...printed, model: "owner/name" })).toEqual([192, 512]);
  });

  it("evaluates on scenes where it learns from scenes, or is told to", () => {
    const questions = (input: object) => RunConfigSchema.parse(input).evaluation.questions;
    expect(questions({})).toBe(700);
    expect(questions({ images: { folder: "photos" } })).toBe(0);
    expect(questions({ images: { folder: "photos" }, evaluation: { questions: 70 } })).toBe(70);
    expect(RunSettingsSchema.parse({}).evaluation.questions).toBeNull();
  });

  it("describes every setting", () => {
    const undescribed: string[] = [];
    const visit = (schema: z.core.JSONSchema.BaseSchema, path: string): void => {
      if (path !== "" && schema.description === undefined) undescribed.push(path);
      for (const [key, child] of Object.entries(schema.properties ?? {})) {
        visit(child as z.core.JSONSchema.BaseSchema, `${path}.${key}`);
      }
    };
    visit(z.toJSONSchema(RunConfigSchema, { io: "input" }), "");
    expect(undescribed).toEqual([]);
  });

  it.each([
    [{ questioner: { groupSize: 1 } }, "questioner.groupSize: expected at least 2: an advantage compares"],
    [
      { curriculum: { band: { low: 0.7, high: 0.3 } } },
      "curriculum.band.low: expected at most curriculum.band.high (0.3)",
    ],
    [
      { curriculum: { answersPerQuestion: 6 } },
      "curriculum.views: expected a divisor of curriculum.answersPerQuestion (6)",
    ],
    [{ reasoner: { reward: { agreement: 0, format: 0 } } }, "reasoner.reward: expected a weight above 0"],
    [
      { images: { folder: "p" }, reasoner: { labels: "true" } },
      'reasoner.labels: expected "silver" where images.folder is set',
    ],
    [{ questioner: { grupSize: 4 } }, 'questioner: Unrecognized key: "grupSize"'],
  ])("refuses %j", (input, message) => {
    expect(issues(input)).toEqual([expect.stringContaining(message)]);
  });
});
