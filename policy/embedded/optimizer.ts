import { Session } from "../../autodiff/onnx/session.ts";
import { add, div, mul, sqrt, sub } from "../../autodiff/operators/index.ts";
import { input, scalar, type Tensor } from "../../autodiff/tensor.ts";
import type { OptimizerOptions } from "../options.ts";
import type { Range } from "../weights/parameters.ts";

/** Everything that a later step depends on. */
export interface OptimizerState {
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Steps taken. */
  steps: number;
}

/**
 * AdamW (1711.05101) on flat vectors, in one graph per range of parameters, written over the old values:
 * p ← p (1 - lr λ); m ← β1 m + (1 - β1) g; v ← β2 v + (1 - β2) g²; p ← p - lr m̂ / (√v̂ + ε).
 */
export class AdamW implements AsyncDisposable {
  readonly state: OptimizerState;
  readonly #options: OptimizerOptions;
  readonly #threads: number;
  readonly #sessions = new Map<number, Session>();

  constructor(size: number, options: OptimizerOptions, threads: number) {
    this.#options = options;
    this.#threads = threads;
    this.state = { firstMoment: new Float32Array(size), secondMoment: new Float32Array(size), steps: 0 };
  }

  /** Goes on from another state, which is copied. */
  load({ firstMoment, secondMoment, steps }: OptimizerState): void {
    this.state.firstMoment.set(firstMoment);
    this.state.secondMoment.set(secondMoment);
    this.state.steps = steps;
  }

  /**
   * One step over `ranges`, each with its learning rate. `gradientNorm` is the global norm of `gradients`, which
   * the caller has checked to be finite.
   */
  async step(
    parameters: Float32Array,
    gradients: Float32Array,
    gradientNorm: number,
    ranges: readonly (Range & { readonly learningRate: number })[],
  ): Promise<void> {
    const { beta1, beta2, weightDecay, maxGradientNorm } = this.#options;
    const { state } = this;
    const step = state.steps + 1;
    const clip = maxGradientNorm === null ? 1 : Math.min(1, maxGradientNorm / (gradientNorm + 1e-6));
    for (const { start, end, learningRate } of ranges) {
      if (learningRate === 0) continue;
      const p = parameters.subarray(start, end);
      const m = state.firstMoment.subarray(start, end);
      const v = state.secondMoment.subarray(start, end);
      const session = await this.#session(end - start);
      await session.run(
        {
          p,
          m,
          v,
          g: gradients.subarray(start, end),
          clip: Float32Array.of(clip),
          keep: Float32Array.of(1 - learningRate * weightDecay),
          rate: Float32Array.of(learningRate / (1 - beta1 ** step)),
          correction: Float32Array.of(1 / Math.sqrt(1 - beta2 ** step)),
        },
        { p_next: p, m_next: m, v_next: v },
      );
    }
    state.steps = step;
  }

  async #session(size: number): Promise<Session> {
    const known = this.#sessions.get(size);
    if (known) return known;
    const options = { threads: this.#threads, keepsMemory: false, plansMemory: false };
    const session = await Session.compile(adamwGraph(size, this.#options), options);
    this.#sessions.set(size, session);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await session[Symbol.asyncDispose]();
  }
}

function adamwGraph(size: number, { beta1, beta2, epsilon }: OptimizerOptions): Record<string, Tensor> {
  const vector = (name: string) => input(name, [size]);
  const factor = (name: string) => input(name, [1]);
  const [p, m, v, g] = [vector("p"), vector("m"), vector("v"), vector("g")];
  const [clip, keep] = [factor("clip"), factor("keep")];
  const [rate, correction] = [factor("rate"), factor("correction")];
  const clipped = mul(g, clip);
  const first = add(mul(m, scalar(beta1)), mul(clipped, scalar(1 - beta1)));
  const second = add(mul(v, scalar(beta2)), mul(mul(clipped, clipped), scalar(1 - beta2)));
  const denominator = add(mul(sqrt(second), correction), scalar(epsilon));
  const next = sub(mul(p, keep), div(mul(first, rate), denominator));
  return { p_next: next, m_next: first, v_next: second };
}

/** The Euclidean norm, summed in double precision; NaN or Infinity where an element is. */
export function globalNorm(flat: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < flat.length; i++) {
    const x = flat[i] as number;
    sum += x * x;
  }
  return Math.sqrt(sum);
}
