import { lastValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { evaluator } from "../../../arena/evaluation.ts";
import { isProbed } from "../../../arena/looking/dependence.ts";
import type { Test, TestEdits, Tests } from "../../../arena/ports.ts";
import { sceneTests } from "../../../arena/scene_tests.ts";
import type { EvaluationReport } from "../../../replay/events.ts";
import { asking } from "../../fakes/asking.ts";
import { configOf } from "../../fakes/config.ts";
import { FakePolicy, type Script } from "../../fakes/policy.ts";
import { VirtualTime } from "../../fakes/virtual_time.ts";

const config = configOf({
  evaluation: {
    ...{ questions: 140, scenes: 60, questionsPerChunk: 35, samples: 2, seed: 6 },
    dependence: { questions: 70 },
    hallucination: { pictures: 0 },
  },
  attribution: { evaluation: false },
});

/** What is true of each picture that a question was put about, edited ones included, by picture and question. */
type Oracle = Map<string, string>;

/** Tests whose true answers, and those of their edited pictures, become known to an oracle as they are read. */
function knownTo(
  oracle: Oracle,
  tests: Tests,
  change: (edits: TestEdits) => TestEdits = (edits) => edits,
): Tests {
  const learn = ({ image, question }: Pick<Test, "image" | "question">, truth: string | undefined) =>
    oracle.set(`${image.id} ${question}`, truth as string);
  const withOracle = (test: Test): Test => {
    learn(test, test.truths[0]);
    return {
      ...test,
      async edit() {
        const edits = change((await test.edit?.()) as TestEdits);
        if (edits.evidence) learn({ ...test, ...edits.evidence }, edits.evidence.truths?.[0]);
        if (edits.elsewhere) learn(edits.elsewhere, test.truths[0]);
        return edits;
      },
    };
  };
  return { ...tests, read: async (...range) => (await tests.read(...range)).map(withOracle) };
}

async function looking(script: (oracle: Oracle) => Script, change?: (edits: TestEdits) => TestEdits) {
  const oracle: Oracle = new Map();
  const tests = knownTo(oracle, sceneTests(config.evaluation) as Tests, change);
  const measure = evaluator(config, tests, asking);
  if (!measure) throw new Error("no evaluator");
  const time = new VirtualTime();
  const policy = new FakePolicy({ script: script(oracle), time });
  const beat = setInterval(() => void time.run(), 1);
  const update = await lastValueFrom(measure(policy)).finally(() => clearInterval(beat));
  return (update as { readonly report: EvaluationReport }).report.looking;
}

const answer = (text: string | undefined) => `<answer> ${text ?? "unanswerable"} </answer>`;

/** Sees all and knows all. */
const seeing =
  (oracle: Oracle): Script =>
  ({ image, text }) =>
    answer(oracle.get(`${image.id} ${text}`));

/** Remembers what was true of a question once, whatever the picture. */
const remembering =
  (oracle: Oracle): Script =>
  ({ text }) => {
    const [known] = [...oracle].filter(([key]) => key.endsWith(text)).map(([, truth]) => truth);
    return answer(known);
  };

describe("whether answers depend on pictures", () => {
  it("of who sees all: they do, follow the evidence, and nothing else", async () => {
    const found = await looking(seeing);
    expect(found.sighted?.percent).toBe(100);
    expect(found.sensitivity?.percent).toBe(100);
    expect(found.stability?.percent).toBe(100);
    // Without the picture it abstains, which a tenth of the questions want.
    expect(found.blank?.percent).toBeLessThan(20);
    expect(found.shuffled?.percent).toBe(found.blank?.percent);
    expect(found.other?.percent).toBeLessThan(30);
    expect(found.dependence?.percent).toBeGreaterThan(70);
    const { sighted, blank, other, shuffled, dependence } = found;
    const without = ((blank?.percent ?? 0) + (other?.percent ?? 0) + (shuffled?.percent ?? 0)) / 3;
    expect(dependence?.percent).toBeCloseTo((sighted?.percent ?? 0) - without);
    expect(dependence?.low).toBeLessThan(dependence?.percent ?? 0);
    expect(dependence?.high).toBeLessThanOrEqual(100);
  });

  it("of who never looks: not at all, and no edit changes them", async () => {
    const found = await looking(remembering);
    expect(found.sighted?.percent).toBe(found.blank?.percent);
    expect(found.dependence?.percent).toBeCloseTo(0);
    expect(found.dependence?.low).toBeLessThan(0);
    expect(found.sensitivity?.percent).toBe(0);
    expect(found.stability?.percent).toBe(100);
  });

  it("of who answers anew wherever anything was changed: no edit is harmless to it", async () => {
    const confused = (oracle: Oracle): Script => {
      const seen = seeing(oracle);
      const known = new Set<string>();
      return (asked, ...others) => {
        // What it sees first of a question is its own picture.
        const { text, image } = asked;
        if (![...known].some((key) => key.endsWith(text))) known.add(`${image.id} ${text}`);
        return known.has(`${image.id} ${text}`) ? seen(asked, ...others) : answer("7");
      };
    };
    const found = await looking(confused);
    expect(found.sensitivity?.percent).toBeLessThan(10);
    expect(found.stability?.percent).toBeLessThan(10);
  });

  it("where nobody knows what is true of an edited picture, any other answer is right, and none is not", async () => {
    const unknown = (edits: TestEdits): TestEdits => ({
      elsewhere: null,
      evidence: edits.evidence && { ...edits.evidence, truths: null },
    });
    const abstaining = await looking(
      (oracle) =>
        (asked, ...others) =>
          oracle.get(`${asked.image.id} ${asked.text}`)
            ? seeing(oracle)(asked, ...others)
            : answer("unanswerable"),
      unknown,
    );
    // Questions whose true answer is that they have none are the only ones whose answer stays.
    expect(abstaining.sensitivity?.percent).toBeGreaterThan(80);
    expect(abstaining.stability).toBeUndefined();
    const silent = await looking(
      (oracle) =>
        (asked, ...others) =>
          oracle.get(`${asked.image.id} ${asked.text}`) ? seeing(oracle)(asked, ...others) : "?",
      unknown,
    );
    expect(silent.sensitivity?.percent).toBe(0);
  });

  it("is measured on as many questions as wanted, spread evenly", () => {
    for (const [length, questions] of [
      [700, 140],
      [10, 140],
      [70, 33],
      [70, 0],
    ] as const) {
      const dependence = { ...config.evaluation.dependence, questions };
      const probed = Array.from({ length }, (_, i) => i).filter((i) => isProbed(i, length, { dependence }));
      expect(probed).toHaveLength(Math.min(length, questions));
      const gaps = probed.slice(1).map((index, i) => index - (probed[i] as number));
      expect(Math.max(0, ...gaps)).toBeLessThanOrEqual(Math.ceil(length / Math.max(1, questions)));
    }
  });

  it("is not measured where no questions are wanted", async () => {
    const without = configOf({
      evaluation: { ...config.evaluation, dependence: { questions: 0 } },
      attribution: { evaluation: false },
    });
    const measure = evaluator(without, sceneTests(without.evaluation), asking);
    const time = new VirtualTime();
    const policy = new FakePolicy({ script: () => answer("1"), time });
    const beat = setInterval(() => void time.run(), 1);
    if (!measure) throw new Error("no evaluator");
    const update = await lastValueFrom(measure(policy)).finally(() => clearInterval(beat));
    expect(update).toMatchObject({ report: { looking: {} } });
    // Greedy, blind, warm and cool, for each chunk.
    expect(policy.calls).toHaveLength(16);
  });
});
