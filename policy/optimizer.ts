import { Session } from "../autodiff/onnx/session.ts";
import { add, div, mul, sqrt, sub } from "../autodiff/operators/index.ts";
import { input, scalar, type Tensor } from "../autodiff/tensor.ts";
import type { Range } from "./weights/parameters.ts";

export interface OptimizerOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; null leaves them. */
  readonly maxGradientNorm: number | null;
}

/** Everything that a later step depends on. */
export interface OptimizerState {
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Steps taken. */
  steps: number;
}

/** Elements of a piece of the vectors: few enough for everything about them to stay in a core's cache. */
const pieceSize = 2 ** 17;
/** Elements of one run, whose graph grows with its pieces. */
const runSize = 8 * pieceSize;

/**
 * AdamW (1711.05101) on flat vectors, in graphs over pieces of them, written over the old values:
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
    const { beta1, beta2, epsilon, weightDecay, maxGradientNorm } = this.#options;
    const { state } = this;
    const step = state.steps + 1;
    const clip = maxGradientNorm === null ? 1 : Math.min(1, maxGradientNorm / (gradientNorm + 1e-6));
    const vectors = { p: parameters, m: state.firstMoment, v: state.secondMoment, g: gradients };
    for (const { start, end, learningRate } of ranges) {
      if (learningRate === 0) continue;
      const rate = learningRate / (1 - beta1 ** step);
      const factors = {
        keep: Float32Array.of(1 - learningRate * weightDecay),
        first_share: Float32Array.of(clip * (1 - beta1)),
        second_share: Float32Array.of(clip * Math.sqrt(1 - beta2)),
        spread: Float32Array.of(1 / (rate * Math.sqrt(1 - beta2 ** step))),
        floor: Float32Array.of(epsilon / rate),
      };
      for (const run of cut({ start, end }, runSize)) {
        const session = await this.#session(run.end - run.start);
        const feeds: Record<string, Float32Array> = { ...factors };
        const into: Record<string, Float32Array> = {};
        for (const [i, piece] of cut(run, pieceSize).entries())
          for (const [name, vector] of Object.entries(vectors)) {
            const part = vector.subarray(piece.start, piece.end);
            feeds[`${name}_${i}`] = part;
            if (name !== "g") into[`next_${name}_${i}`] = part;
          }
        await session.run(feeds, into);
      }
    }
    state.steps = step;
  }

  async #session(size: number): Promise<Session> {
    const known = this.#sessions.get(size);
    if (known) return known;
    const session = await Session.compile(adamwGraph(size, this.#options), { threads: this.#threads });
    this.#sessions.set(size, session);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await session[Symbol.asyncDispose]();
  }
}

/** Ranges of `size`, the last perhaps smaller, that make up one. */
function cut({ start, end }: Range, size: number): Range[] {
  return Array.from({ length: Math.ceil((end - start) / size) }, (_, i) => {
    return { start: start + i * size, end: Math.min(start + (i + 1) * size, end) };
  });
}

/** A step on `size` elements, in few passes over each piece: factors are joined before they meet it. */
function adamwGraph(size: number, { beta1, beta2 }: OptimizerOptions): Record<string, Tensor> {
  const factor = (name: string): Tensor => input(name, [1]);
  const pieces = cut({ start: 0, end: size }, pieceSize).map(({ start, end }, i) => {
    const part = (name: string): Tensor => input(`${name}_${i}`, [end - start]);
    const m = add(mul(part("m"), scalar(beta1)), mul(part("g"), factor("first_share")));
    const deviation = mul(part("g"), factor("second_share"));
    const v = add(mul(part("v"), scalar(beta2)), mul(deviation, deviation));
    const divisor = add(mul(sqrt(v), factor("spread")), factor("floor"));
    const p = sub(mul(part("p"), factor("keep")), div(m, divisor));
    return { [`next_p_${i}`]: p, [`next_m_${i}`]: m, [`next_v_${i}`]: v };
  });
  return Object.assign({}, ...pieces);
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
