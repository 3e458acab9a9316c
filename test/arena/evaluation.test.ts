import { lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { evaluator } from "../../arena/evaluation.ts";
import type { EvaluationUpdate } from "../../arena/ports.ts";
import { sceneTests } from "../../arena/scene_tests.ts";
import { sceneTruth } from "../../arena/truth.ts";
import { deriveSeed } from "../../common/random.ts";
import { parseSceneQuestion } from "../../images/scenes/questions.ts";
import type { Scene } from "../../images/scenes/scene.ts";
import { solve } from "../../images/scenes/solve.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import type { EvaluationReport } from "../../replay/events.ts";
import { asking } from "../fakes/asking.ts";
import { configOf } from "../fakes/config.ts";
import { FakePolicy, type Script } from "../fakes/policy.ts";
import { VirtualTime } from "../fakes/virtual_time.ts";

const config = configOf({
  evaluation: { questions: 70, scenes: 30, questionsPerChunk: 25, samples: 8, seed: 5 },
  attribution: { evaluation: false },
});

/** The held-out scenes by the id of their image, for those who know everything. */
async function heldOutScenes(): Promise<Map<string, Scene>> {
  const { domain, scenes, seed } = config.evaluation;
  const source = new SceneSource({ domain, count: scenes, seed: deriveSeed(seed, "held out") });
  const indices = Array.from({ length: scenes }, (_, index) => index);
  return new Map(
    await Promise.all(
      indices.map(async (index) => [(await source.draw(index)).id, source.scene(index)] as const),
    ),
  );
}

async function evaluate(script: Script): Promise<{ updates: EvaluationUpdate[]; report: EvaluationReport }> {
  const time = new VirtualTime();
  const measure = evaluator(config, sceneTests(config.evaluation), asking);
  if (!measure) throw new Error("no evaluator");
  const policy = new FakePolicy({ script, time });
  const result = lastValueFrom(measure(policy).pipe(toArray()));
  const beat = setInterval(() => void time.run(), 1);
  const updates = await result.finally(() => clearInterval(beat));
  const last = updates.at(-1);
  if (!last || !("report" in last)) throw new Error("no report");
  return { updates, report: last.report };
}

describe("an evaluation on scenes", () => {
  it("gives full marks to who sees and knows, and none to it blindfold", async () => {
    const scenes = await heldOutScenes();
    const { updates, report } = await evaluate(({ image, text }) => {
      const scene = scenes.get(image.id);
      const question = parseSceneQuestion(text);
      return `<answer> ${scene && question ? solve(scene, question).answer : "a guess"} </answer>`;
    });
    expect(updates.slice(0, -1)).toEqual([25, 50, 70].map((done) => ({ done, total: 70 })));
    const { overall, families } = report;
    for (const name of ["greedy", "mean8", "mean8_t06", "maj8", "pass8"] as const) {
      expect(overall[name].percent).toBe(100);
      expect(overall[name].high).toBeCloseTo(100);
    }
    expect(overall.greedy.low).toBeCloseTo(94.8, 1);
    expect(overall.blind.percent).toBe(0);
    expect(overall.parseFailure.percent).toBe(0);
    expect(overall.abstention.percent).toBeGreaterThan(5);
    expect(Object.keys(families)).toEqual(["count", "exist", "color", "shape", "more", "relation", "sum"]);
    for (const scores of Object.values(families)) expect(scores.questions).toBe(10);
  });

  it("tells single answers from the majority and from luck", async () => {
    const scenes = await heldOutScenes();
    const { report } = await evaluate(({ image, text }, stream) => {
      const scene = scenes.get(image.id);
      const question = parseSceneQuestion(text);
      if (stream.uniform() < 0.4 || !scene || !question)
        return stream.uniform() < 0.5 ? "?" : "<answer> no idea </answer>";
      return `<answer> ${solve(scene, question).answer} </answer>`;
    });
    const { greedy, mean8, maj8, pass8, parseFailure } = report.overall;
    expect(mean8.percent).toBeGreaterThan(50);
    expect(mean8.percent).toBeLessThan(70);
    expect(mean8.high - mean8.low).toBeLessThan(greedy.high - greedy.low);
    expect(maj8.percent).toBeGreaterThan(mean8.percent + 10);
    expect(pass8.percent).toBeGreaterThan(maj8.percent);
    expect(parseFailure.percent).toBeGreaterThan(5);
    // Question by question, it is the same.
    const digits = (name: "greedy" | "mean8" | "maj8") => [...(report.outcomes?.[name] ?? "")].map(Number);
    const sum = (values: readonly number[]) => values.reduce((so, value) => so + value, 0);
    expect(sum(digits("greedy")) / 70).toBeCloseTo(greedy.percent / 100, 10);
    expect(sum(digits("mean8")) / 560).toBeCloseTo(mean8.percent / 100, 10);
    expect(sum(digits("maj8")) / 70).toBeCloseTo(maj8.percent / 100, 10);
    expect(digits("mean8").filter((count) => count > 0).length / 70).toBeCloseTo(pass8.percent / 100, 10);
    // Of eight votes some 60% are for the truth, which most questions' majority is.
    const { votesBrier, votesError, stated } = report.calibration;
    expect(votesBrier?.percent).toBeGreaterThan(5);
    expect(votesError?.percent).toBeGreaterThan(5);
    expect(stated).toBeUndefined();
  });

  it("holds what answers say to be sure of against what is right", async () => {
    const { report } = await evaluate(() => "<think> perhaps none </think> <answer> 0 </answer>");
    const { greedy } = report.overall;
    const { stated, statedBrier, statedError, votesBrier } = report.calibration;
    expect(stated?.percent).toBe(100);
    expect(statedBrier?.percent).toBeCloseTo(25, 9);
    expect(statedError?.percent).toBeCloseTo(50 - greedy.percent, 9);
    // All votes are for one answer.
    expect(votesBrier?.percent).toBeCloseTo(100 - greedy.percent, 9);
  });

  it("asks the same with the same seeds each time", async () => {
    const script: Script = (_, stream) => `<answer> ${stream.integer(3)} </answer>`;
    expect((await evaluate(script)).report).toEqual((await evaluate(script)).report);
  });

  it("is none where no questions are wanted", () => {
    const silent = configOf({ evaluation: { questions: 0 } });
    expect(evaluator(silent, sceneTests(silent.evaluation), asking)).toBeNull();
  });
});

it("the truth of a scene answers what has a meaning", () => {
  const source = new SceneSource({ domain: "target", count: 3, seed: 1 });
  const truth = sceneTruth(source);
  expect(truth.answer(0, "how many red object ?")).toMatch(/^\d$/);
  expect(truth.answer(0, "how many how many ?")).toBeNull();
});
