import { describe, expect, test } from "vitest";
import { zip } from "../../common/zip.ts";
import type { RgbImage } from "../../images/image.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import type { TrainingGroup, Turn, UpdateOptions } from "../../policy/port.ts";
import { copyTiny, grpo, tinyOptions } from "../policy/tiny.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose, expectGradients } from "./closeness.ts";
import { type ReferenceMessage, turnsOf } from "./conversation.ts";

interface Stored {
  readonly messages: readonly ReferenceMessage[];
  readonly images: readonly string[];
  readonly own: readonly (readonly [start: number, end: number])[];
  readonly split: boolean;
}

/** A conversation of the reference as a group of one rollout: the prompt before its first answer, and all that follows. */
async function readConversation(folder: string, i: number) {
  const stored = readReference<Stored[]>(`${folder}/conversations.json`)[i] as Stored;
  const tensors = await readReferenceTensors(`${folder}/conversation${i}.safetensors`);
  const ids = Int32Array.from(tensors.get("input_ids")?.data as BigInt64Array, Number);
  const logProbs = tensors.get("own_logprobs")?.data as Float32Array;
  const images: RgbImage[] = await Promise.all(
    stored.images.map((name) => readReferenceImage(`${folder}/${name}`)),
  );
  const own = stored.own.map(([start, end]) => ids.subarray(start, end));
  const turns = turnsOf(stored.messages, images, own);
  const answers = turns.flatMap(({ role }, at) => (role === "assistant" ? [at] : []));
  const before = own.map((_, k) => own.slice(0, k).reduce((sum, { length }) => sum + length, 0));
  const observations = answers.slice(1).map((at, k) => ({
    after: before[k + 1] as number,
    turns: turns.slice((answers[k] as number) + 1, at) as Exclude<Turn, { role: "assistant" }>[],
  }));
  const tokens = Int32Array.from(own.flatMap((each) => [...each]));
  const prompt = { turns: turns.slice(0, answers[0]) };
  return { stored, ids, logProbs, turns, prompt, completion: { tokens, logProbs, observations } };
}

async function openFor(folder: string, split: boolean) {
  const changes = split
    ? { "preprocessor_config.json": readReference(`${folder}/preprocessor_config.split.json`) }
    : {};
  const copy = await copyTiny(changes, referencePath(folder));
  const policy = await LocalPolicy.open(copy.folder, tinyOptions);
  return {
    policy,
    async [Symbol.asyncDispose]() {
      await policy[Symbol.asyncDispose]();
      await copy[Symbol.asyncDispose]();
    },
  };
}

const imitate: UpdateOptions = { ...grpo, loss: "grpo", clipLow: 10, clipHigh: 10 };

async function gradientOf(policy: LocalPolicy, groups: readonly TrainingGroup[]): Promise<Float32Array> {
  await policy.accumulate(policy.work({ kind: "grpo", groups, options: imitate }), async () => {});
  const gradient = new Float32Array(policy.learner.weights.length);
  policy.learner.take(gradient);
  policy.learner.discard();
  return gradient;
}

describe.each(["smolvlm-tiny", "qwen2_5_vl-tiny", "qwen3_vl-tiny"])("%s", (folder) => {
  test.each([0, 1])("conversation %i: ids and log-probabilities of all turns", async (i) => {
    const { stored, ids, logProbs, turns, prompt, completion } = await readConversation(folder, i);
    await using opened = await openFor(folder, stored.split);
    const { policy } = opened;
    for (const [at, [start]] of zip(
      turns.flatMap(({ role }, k) => (role === "assistant" ? [k] : [])),
      stored.own,
    )) {
      const { prefix, suffix, later } = policy.tokens({ turns: turns.slice(0, at) });
      const whole = [...prefix.tokens, ...suffix, ...later.flatMap(({ tokens }) => [...tokens])];
      expect(whole).toEqual([...ids.subarray(0, start)]);
    }
    for (const weights of ["policy", "reference"] as const) {
      const groups = [{ prompt, completions: [completion] }];
      const [scores] = await policy.score(groups, { weights, temperature: 1 });
      expectClose(scores?.[0], logProbs, 1e-4);
    }
  });

  test("the gradient of every parameter", async () => {
    const gradients: Float32Array[] = [];
    let names: Record<string, Float32Array> = {};
    for (const i of [0, 1]) {
      const { stored, prompt, completion } = await readConversation(folder, i);
      await using opened = await openFor(folder, stored.split);
      const { policy } = opened;
      gradients.push(await gradientOf(policy, [{ prompt, rollouts: [{ completion, advantage: 1 }] }]));
      const [first, second] = gradients;
      const sum = (first as Float32Array).map((x, k) => x + (second?.[k] ?? 0));
      names = policy.weights.layout.views(sum);
    }
    const outputs = Object.entries(names).map(([name, data]) => [`d:${name}`, data]);
    await expectGradients(Object.fromEntries(outputs), `${folder}/conversations.grads_ce.safetensors`);
  });
});
