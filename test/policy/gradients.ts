import { LocalPolicy, type LocalPolicyOptions } from "../../policy/embedded/local_policy.ts";
import type { TrainingGroup, UpdateOptions, UpdateReport } from "../../policy/port.ts";
import { tinyFolder, tinyOptions } from "./tiny.ts";

/** What a first update reports, and its gradient: Adam's first moment after one step, over 1 - β1. */
export interface Derivative {
  readonly report: UpdateReport;
  readonly gradient: Float32Array;
}

/**
 * Gradients at a model's weights, which are set back after each update: a policy of each options is opened, and its
 * graphs compiled, once for all of them.
 */
export class Gradients implements AsyncDisposable {
  readonly #folder: string;
  readonly #policies = new Map<string, Promise<LocalPolicy>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string = tinyFolder) {
    this.#folder = folder;
  }

  of(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    settings: Partial<LocalPolicyOptions> = {},
  ): Promise<Derivative> {
    const derivative = this.#last.then(() => this.#differentiate(groups, options, settings));
    this.#last = derivative.catch(() => {});
    return derivative;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const policy of this.#policies.values()) await (await policy)[Symbol.asyncDispose]();
  }

  async #differentiate(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    settings: Partial<LocalPolicyOptions>,
  ): Promise<Derivative> {
    const key = JSON.stringify(settings);
    const opening =
      this.#policies.get(key) ?? LocalPolicy.open(this.#folder, { ...tinyOptions, ...settings });
    this.#policies.set(key, opening);
    const policy = await opening;
    const { weights, optimizer } = policy.learner;
    const { firstMoment } = optimizer.state;
    firstMoment.fill(0);
    const before = weights.slice();
    const report = await policy.update(groups, options);
    weights.set(before);
    return { report, gradient: firstMoment.map((m) => m / (1 - tinyOptions.optimizer.beta1)) };
  }
}
