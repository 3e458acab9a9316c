import { formatType, ShapeError, type Tensor, topological } from "../tensor.ts";
import { sameShape } from "../tensor_type.ts";

type Tensors = Readonly<Record<string, Tensor>>;
type Arrays = Readonly<Record<string, ArrayBufferView>>;

/**
 * Refuses arrays that are read and written by one run, except where an output takes the place of an input that
 * nothing reads later: every reader is elementwise and is either the output itself or computed before it.
 */
export class InPlaceCheck {
  readonly #outputs: Tensors;
  readonly #hazards = new Map<string, string | null>();

  constructor(outputs: Tensors) {
    this.#outputs = outputs;
  }

  /** Throws `ShapeError` where writing `into` would change what the graph still reads from `feeds`. */
  check(feeds: Arrays, into: Arrays): void {
    const written = ranges(into);
    if (written.length === 0) return;
    const read = ranges(feeds);
    written.forEach((range, i) => {
      const { name } = range;
      for (const other of written.slice(i + 1))
        if (overlap(range, other)) throw new ShapeError(`outputs "${name}" and "${other.name}" overlap`);
      for (const fed of read) {
        if (!overlap(range, fed)) continue;
        const reason = sameRange(range, fed) ? this.#hazard(name, fed.name) : "they overlap in part";
        if (reason)
          throw new ShapeError(`output "${name}" cannot be written over input "${fed.name}": ${reason}`);
      }
    });
  }

  #hazard(output: string, input: string): string | null {
    const key = JSON.stringify([output, input]);
    const known = this.#hazards.get(key);
    if (known !== undefined) return known;
    const reason = hazard(this.#outputs, this.#outputs[output] as Tensor, input);
    this.#hazards.set(key, reason);
    return reason;
  }
}

/** Why `output` may not take the memory of the input of that name, or null. */
function hazard(outputs: Tensors, output: Tensor, name: string): string | null {
  const before = new Set(topological([output]));
  const memory = new Set<Tensor>();
  for (const x of topological(Object.values(outputs))) {
    const { source } = x;
    if (source.kind === "input" && source.name === name) memory.add(x);
    if (source.kind !== "apply" || !source.inputs.some((i) => memory.has(i))) continue;
    if (source.operator.memory === "view") memory.add(x);
    else if (!before.has(x)) return `${source.operator.name} ${formatType(x)} may read it later`;
    else if (source.operator.memory !== "elementwise" || !sameShape(x.shape, output.shape))
      return `${source.operator.name} ${formatType(x)} is not elementwise`;
  }
  const fetched = Object.entries(outputs).find(([, x]) => memory.has(x));
  return fetched ? `output "${fetched[0]}" may be a copy of it` : null;
}

/** The bytes that a named array covers. */
interface Span {
  readonly name: string;
  readonly buffer: ArrayBufferLike;
  readonly start: number;
  readonly end: number;
}

function ranges(arrays: Arrays): Span[] {
  return Object.entries(arrays).map(([name, { buffer, byteOffset, byteLength }]) => {
    return { name, buffer, start: byteOffset, end: byteOffset + byteLength };
  });
}

function overlap(a: Span, b: Span): boolean {
  return a.buffer === b.buffer && a.start < b.end && b.start < a.end;
}

function sameRange(a: Span, b: Span): boolean {
  return a.start === b.start && a.end === b.end;
}
