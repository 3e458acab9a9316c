import type { ParameterGroup, ParameterSpec } from "./vision_language_model.ts";

/** Collects the parameters of one group whose names begin with `prefix`. */
export class ParameterList {
  readonly specs: ParameterSpec[] = [];
  readonly #prefix: string;
  readonly #group: ParameterGroup;

  constructor(prefix: string, group: ParameterGroup) {
    this.#prefix = prefix;
    this.#group = group;
  }

  put(part: string, ...shape: number[]): void {
    this.specs.push({ name: `${this.#prefix}.${part}`, shape, group: this.#group });
  }

  /** Weight and bias: of a linear layer [out, in], of a norm [width]. */
  affine(part: string, ...shape: number[]): void {
    this.put(`${part}.weight`, ...shape);
    this.put(`${part}.bias`, shape[0] as number);
  }
}
