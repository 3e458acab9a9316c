import type { Feeds, Session } from "../../autodiff/onnx/session.ts";
import { VisplayError } from "../../common/errors.ts";
import type { ParameterGroup } from "../models/vision_language_model.ts";
import type { OptimizerOptions } from "../options.ts";
import type { ParameterLayout } from "../weights/parameters.ts";
import { AdamW, globalNorm, type OptimizerState } from "./optimizer.ts";
import type { GradientShare } from "./replica.ts";

export interface LearnerOptions {
  readonly threads: number;
  readonly optimizer: OptimizerOptions;
  /** Multiplies the learning rate of each parameter group. */
  readonly learningRateFactors: Readonly<Record<ParameterGroup, number>>;
}

/** The trained weights and their optimiser: sums gradients over graphs, then takes one step. */
export class Learner implements AsyncDisposable {
  /** One flat vector, changed in place by every step. */
  readonly weights: Float32Array;
  /** Each parameter's part of it, by name. */
  readonly views: Readonly<Record<string, Float32Array>>;
  readonly optimizer: AdamW;
  readonly #layout: ParameterLayout;
  readonly #options: LearnerOptions;
  readonly #gradients: Float32Array;
  /** The gradients of every graph after a step's first. */
  readonly #next: Float32Array;
  #graphs = 0;
  #loss = 0;

  constructor(layout: ParameterLayout, weights: Float32Array, options: LearnerOptions) {
    this.weights = weights;
    this.views = layout.views(weights);
    this.optimizer = new AdamW(weights.length, options.optimizer, options.threads);
    this.#layout = layout;
    this.#options = options;
    this.#gradients = new Float32Array(weights.length);
    this.#next = new Float32Array(weights.length);
  }

  /** Steps taken. */
  get version(): number {
    return this.optimizer.state.steps;
  }

  /** The names of the parameters that it trains. */
  get trainable(): string[] {
    return this.#layout.specs.map(({ name }) => name);
  }

  /** Whether parameters of any of the groups change. */
  trains(...groups: readonly ParameterGroup[]): boolean {
    return groups.some((group) => this.#layout.groups.has(group));
  }

  /**
   * Runs a graph that gives `loss` and, under `d:` and the name, the gradient of each trainable parameter, and
   * adds both to the step's; returns all outputs.
   */
  async accumulate(session: Session, feeds: Feeds): Promise<Record<string, Float32Array>> {
    const flat = this.#graphs === 0 ? this.#gradients : this.#next;
    const into = Object.fromEntries(
      this.trainable.map((name) => [`d:${name}`, this.#layout.view(flat, name)]),
    );
    const outputs = await session.run({ ...this.views, ...feeds }, into);
    if (this.#graphs > 0) addScaled(this.#gradients, this.#next, 1);
    this.#graphs++;
    this.#loss += outputs.loss?.[0] ?? 0;
    return outputs;
  }

  /** Moves what was accumulated into `gradient` [parameters]; returns the loss. */
  take(gradient: Float32Array): number {
    const loss = this.#loss;
    gradient.set(this.#gradients);
    this.discard();
    return loss;
  }

  /** Sets what was accumulated to the weighted mean of shares. */
  join(shares: readonly GradientShare[]): void {
    const total = shares.reduce((sum, { weight }) => sum + weight, 0);
    this.discard();
    this.#gradients.fill(0);
    for (const { gradient, loss, weight } of shares) {
      addScaled(this.#gradients, gradient, weight / total);
      this.#loss += (loss * weight) / total;
      this.#graphs++;
    }
  }

  /** Goes on from other weights and another state of the optimiser, which are copied. */
  load(weights: Float32Array, state: OptimizerState): void {
    this.discard();
    this.weights.set(weights);
    this.optimizer.load(state);
  }

  /** Forgets what was accumulated. */
  discard(): void {
    this.#graphs = 0;
    this.#loss = 0;
  }

  /**
   * One optimiser step on the accumulated gradients. Throws a `VisplayError` of code "numeric" where loss or
   * gradient is not finite, and a `RangeError` where nothing was accumulated, with the weights unchanged.
   */
  async step(learningRate: number): Promise<{ loss: number; gradientNorm: number; version: number }> {
    if (this.#graphs === 0)
      throw new RangeError("an optimiser step needs gradients: there was nothing to learn from");
    const loss = this.#loss;
    const gradientNorm = globalNorm(this.#gradients);
    this.discard();
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      throw new VisplayError(
        "numeric",
        `optimiser step ${this.version + 1}: the loss is ${loss} and the gradient norm ${gradientNorm}; expected finite numbers. The weights are unchanged; lower the learning rate`,
      );
    const ranges = [...this.#layout.groups].map(([group, range]) => {
      return { ...range, learningRate: learningRate * this.#options.learningRateFactors[group] };
    });
    await this.optimizer.step(this.weights, this.#gradients, gradientNorm, ranges);
    return { loss, gradientNorm, version: this.version };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.optimizer[Symbol.asyncDispose]();
  }
}

function addScaled(total: Float32Array, part: Float32Array, scale: number): void {
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + scale * (part[i] as number);
}
