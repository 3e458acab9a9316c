import { describe, expect, test } from "vitest";
import { gradient } from "../../autodiff/gradient.ts";
import { Session } from "../../autodiff/onnx/session.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { grpoLoss } from "../../policy/embedded/loss.ts";
import { losses } from "../../policy/options.ts";
import { tokenWeights } from "../../policy/token_weights.ts";
import { readReference, readReferenceTensors } from "../reference_dir.ts";
import { expectClose } from "./closeness.ts";

interface Variant {
  readonly id: string;
  readonly loss_type: string;
  readonly beta: number;
  readonly epsilon_low: number;
  readonly epsilon_high: number;
  readonly max_completion_length: number;
  readonly use_bias_correction_kl: boolean;
  readonly importance_sampling_level: string;
  readonly delta: number | null;
  /** Of truncated importance sampling, where `old_logps` are the sampler's. */
  readonly importance_cap?: number;
  readonly num_items_in_batch: Readonly<Record<string, number>>;
}

const inputs = await readReferenceTensors("grpo/inputs.safetensors");
const expected = await readReferenceTensors("grpo/expected.safetensors");
const variants = readReference<Variant[]>("grpo/variants.json").flatMap((variant) => {
  const { use_bias_correction_kl, importance_sampling_level, delta } = variant;
  const isSequence = importance_sampling_level === "sequence";
  // TRL calls GSPO the loss "grpo" with a ratio of sequences.
  const loss = losses.find((name) => name === (isSequence ? "gspo" : variant.loss_type));
  const isOurs = isSequence ? variant.loss_type === "grpo" : loss !== "gspo";
  return loss && isOurs && !use_bias_correction_kl && !delta ? [{ ...variant, loss }] : [];
});

const [rows, length] = [6, 9];
const array = (name: string): Float32Array => inputs.get(name)?.data as Float32Array;
const maskOf = (set: string): number[] =>
  Array.from(inputs.get(`${set}.mask`)?.data as BigInt64Array, Number);

/** Loss and gradient of one set as groups [P, G] of rollouts. */
async function evaluate(
  set: string,
  { loss, beta, epsilon_low, epsilon_high, importance_cap, max_completion_length }: (typeof variants)[number],
  [P, G]: readonly [number, number],
): Promise<Record<string, Float32Array>> {
  const mask = maskOf(set);
  const lengths = Array.from({ length: rows }, (_, row) =>
    mask.slice(row * length, (row + 1) * length).reduce((sum, m) => sum + m, 0),
  );
  const perToken = tokenWeights(loss, lengths, max_completion_length);
  const tokens = (name: string): Tensor => input(name, [P, G, length]);
  const logProbs = tokens("logps");
  const result = grpoLoss(
    {
      logProbs,
      oldLogProbs: tokens("old"),
      referenceLogProbs: beta === 0 ? null : tokens("reference"),
      advantages: input("advantages", [P, G, 1]),
      weights: tokens("weights"),
    },
    {
      loss,
      clipLow: epsilon_low,
      // Of CISPO, TRL's is the cap itself.
      clipHigh: loss === "cispo" ? epsilon_high - 1 : epsilon_high,
      beta,
      importanceCap: importance_cap ?? null,
    },
  );
  const [g] = gradient(result.loss, [logProbs]) as [Tensor];
  await using session = await Session.compile({ ...result, g }, { threads: 1 });
  return await session.run({
    logps: array(`${set}.logps`),
    old: array(`${set}.old_logps`),
    reference: array(`${set}.ref_logps`),
    advantages: array(`${set}.advantages`),
    weights: Float32Array.from(mask, (m, i) => m * (perToken[Math.floor(i / length)] as number)),
  });
}

describe("the GRPO losses as in TRL", () => {
  const idsOf = (all: readonly Variant[]): string[] => all.map(({ id }) => id).sort();
  const withAndWithoutKl = (names: readonly string[]): string[] =>
    names.flatMap((name) => [`${name}_beta0`, `${name}_beta0.04`]).sort();

  test("cover every loss with and without KL", () => {
    const cispo = ["cispo", "cispo_eps5", "cispo_eps1.28"];
    const names = ["grpo", "bnpo", "dr_grpo", "dapo", ...cispo, "gspo", "gspo_small_eps"];
    expect(idsOf(variants.filter((each) => each.importance_cap === undefined))).toEqual(
      withAndWithoutKl(names),
    );
    expect(new Set(variants.map(({ loss }) => loss))).toEqual(new Set(losses));
  });

  // Reference numbers that were made elsewhere may lack them.
  test.skipIf(process.env.REFERENCE_DIR)("cover every loss with truncated importance weights", () => {
    const names = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo_eps1.28", "gspo"];
    expect(idsOf(variants.filter((each) => each.importance_cap !== undefined))).toEqual(
      withAndWithoutKl(names.map((name) => `${name}_tis1.25`)),
    );
  });

  test.each(variants.flatMap((variant) => ["a", "b"].map((set) => [variant.id, set, variant] as const)))(
    "%s, set %s",
    async (id, set, variant) => {
      for (const groups of [
        [1, 6],
        [3, 2],
      ] as const) {
        const result = await evaluate(set, variant, groups);
        expectClose(result.loss, expected.get(`${set}.${id}.loss`)?.data as Float32Array, 1e-6);
        expectClose(result.g, expected.get(`${set}.${id}.grad`)?.data as Float32Array, 1e-6);
      }
    },
  );

  test("count the tokens whose clipped ratio decided, and sum the KL over tokens in the loss", async () => {
    for (const set of ["a", "b"]) {
      const variant = variants.find(({ id }) => id === "grpo_beta0.04") as (typeof variants)[number];
      const result = await evaluate(set, variant, [2, 3]);
      const [logps, old, reference] = ["logps", "old_logps", "ref_logps"].map((name) =>
        array(`${set}.${name}`),
      ) as [Float32Array, Float32Array, Float32Array];
      let [kl, clipped] = [0, 0];
      maskOf(set).forEach((m, i) => {
        if (m === 0) return;
        const ratio = Math.exp((logps[i] as number) - (old[i] as number));
        const advantage = array(`${set}.advantages`)[Math.floor(i / length)] as number;
        if (
          advantage > 0 ? ratio > 1 + variant.epsilon_high : advantage < 0 && ratio < 1 - variant.epsilon_low
        )
          clipped++;
        const gap = (reference[i] as number) - (logps[i] as number);
        kl += Math.exp(gap) - gap - 1;
      });
      expect(clipped).toBeGreaterThan(0);
      expect(result.clipped?.[0]).toBe(clipped);
      expect((result.kl?.[0] as number) / kl).toBeCloseTo(1, 5);
    }
  });
});
