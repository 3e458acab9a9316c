import { type Tensor, topological } from "../tensor.ts";
import { elementBytes, sizeOf } from "../tensor_type.ts";

/** What a graph takes, in bytes. */
export interface Footprint {
  /** Of what it computes, at the moment when most of it is alive, computed in the order of its nodes. */
  readonly activations: number;
  /** Of its constants. */
  readonly constants: number;
  /** Of the tensors in files that it reads. */
  readonly stored: number;
  /** Operators. */
  readonly nodes: number;
}

export function footprint(outputs: Readonly<Record<string, Tensor>>): Footprint {
  const order = topological(Object.values(outputs));
  const owner = owners(order);
  const lastRead = new Map<Tensor, number>();
  order.forEach(({ source }, at) => {
    if (source.kind === "apply") for (const x of source.inputs) lastRead.set(owner(x), at);
  });
  for (const x of Object.values(outputs)) lastRead.delete(owner(x));
  const endingAt = new Map<number, number>();
  const sums = { constant: 0, stored: 0, input: 0 };
  let nodes = 0;
  let alive = 0;
  let activations = 0;
  order.forEach((x, at) => {
    const bytes = sizeOf(x.shape) * elementBytes[x.dtype];
    if (x.source.kind !== "apply") sums[x.source.kind] += bytes;
    else if (owner(x) === x) {
      nodes++;
      alive += bytes;
      activations = Math.max(activations, alive);
      const end = lastRead.get(x);
      if (end !== undefined) endingAt.set(end, (endingAt.get(end) ?? 0) + bytes);
    }
    alive -= endingAt.get(at) ?? 0;
  });
  return { activations, constants: sums.constant, stored: sums.stored, nodes };
}

/** Whose memory a tensor's elements lie in. */
function owners(order: readonly Tensor[]): (x: Tensor) => Tensor {
  const known = new Map<Tensor, Tensor>();
  const owner = (x: Tensor): Tensor => known.get(x) ?? x;
  for (const x of order)
    if (x.source.kind === "apply" && x.source.operator.memory === "view")
      known.set(x, owner(x.source.inputs[0] as Tensor));
  return owner;
}
