import { describe, expect, it } from "vitest";
import * as z from "zod";
import { RunSettingsSchema, runConfig } from "../../../arena/config/config.ts";
import { configOf } from "../../fakes/config.ts";

/** "path: message" of every issue of a configuration. */
function issues(input: unknown): string[] {
  const result = RunSettingsSchema.safeParse(input);
  return result.success ? [] : result.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`);
}

describe("the configuration of a run", () => {
  it("needs nothing: every setting has a default", () => {
    const config = configOf();
    expect(config.rounds).toBe(3);
    expect(config.curriculum.band).toEqual({ low: 0.7, high: 1 });
    expect(configOf(config)).toEqual(config);
  });

  it("resolves how long completions may be by the model", () => {
    const longest = (input: object, ofModel?: object) => {
      const { questioner, reasoner } = runConfig(RunSettingsSchema.parse(input), ofModel);
      return [questioner.maxTokens, reasoner.maxTokens];
    };
    expect(longest({})).toEqual([192, 512]);
    expect(longest({}, { questioner: 32, reasoner: 33 })).toEqual([32, 33]);
    expect(longest({}, { questioner: 32 })).toEqual([32, 512]);
    expect(longest({ reasoner: { maxTokens: 40 } }, { questioner: 32, reasoner: 33 })).toEqual([32, 40]);
  });

  it("evaluates on scenes where it learns from scenes, or is told to", () => {
    const questions = (input: object) => configOf(input).evaluation.questions;
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
    visit(z.toJSONSchema(RunSettingsSchema, { io: "input" }), "");
    expect(undescribed).toEqual([]);
  });

  it.each([
    [{ questioner: { groupSize: 1 } }, "questioner.groupSize: expected at least 2: an advantage compares"],
    [
      { curriculum: { band: { low: 0.7, high: 0.3 } } },
      "curriculum.band.low: expected at most curriculum.band.high (0.3)",
    ],
    [
      { sampling: { precision: "int8" }, replicas: 2 },
      "sampling.precision: expected replicas to be 1 or null, for a policy is measured as one; found 2",
    ],
    [
      { curriculum: { answersPerQuestion: 6 } },
      "curriculum.views: expected a divisor of curriculum.answersPerQuestion (6)",
    ],
    [{ reasoner: { reward: { agreement: 0, format: 0 } } }, "reasoner.reward: expected a weight above 0"],
    [
      { images: { data: "p" }, reasoner: { labels: "true" } },
      'reasoner.labels: expected "silver" where images.data is set',
    ],
    [
      { evaluation: { dependence: { region: "box" } } },
      "evaluation.dependence.region: expected evaluation.data, whose column it names",
    ],
    [
      { evaluation: { hallucination: { things: "objects" } } },
      "evaluation.hallucination.things: expected evaluation.data, whose column it names",
    ],
    [
      { evaluation: { data: "exam.parquet", hallucination: { pictures: 50 } } },
      "evaluation.hallucination.pictures: expected evaluation.hallucination.things, a column of lists of what is there",
    ],
    [
      { curriculum: { gate: { minEvidence: 0.2 } } },
      "curriculum.gate.minEvidence: expected curriculum.gate.blindAnswersPerQuestion above 0",
    ],
    [
      { questioner: { blindAnswersPerQuestion: 0, reward: { evidenceWeight: 0.1 } } },
      "questioner.reward.evidenceWeight: expected questioner.blindAnswersPerQuestion above 0",
    ],
    [
      { questioner: { reward: { form: "visplay_code", evidenceWeight: 0.1 } } },
      "questioner.reward.evidenceWeight: expected 0 for the form visplay_code",
    ],
    [{ questioner: { grupSize: 4 } }, 'questioner: Unrecognized key: "grupSize"'],
  ])("refuses %j", (input, message) => {
    expect(issues(input)).toEqual([expect.stringContaining(message)]);
  });
});
