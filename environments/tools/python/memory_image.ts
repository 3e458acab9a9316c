import { Buffer } from "node:buffer";

/** Pages of a memory that differ from its image: their numbers, and what stands in them, one after the other. */
export interface Pages {
  readonly numbers: Uint32Array;
  readonly bytes: Uint8Array;
}

const pageBytes = 4096;
const zeros = new Uint8Array(pageBytes);

/** What a memory held once, and can be made to hold again. Beyond its end a memory that grew holds zeros. */
export class MemoryImage {
  readonly #image: Uint8Array;
  /** The pages that differ, where they were just looked for. */
  #differing: Uint32Array | null = null;

  constructor(memory: Uint8Array) {
    this.#image = memory.slice();
  }

  /** The memory is as it was when the image was made, but for these pages. */
  restore(memory: Uint8Array, { numbers, bytes }: Pages): void {
    if (this.#differing)
      for (const number of this.#differing) memory.set(this.#page(number), number * pageBytes);
    else {
      memory.set(this.#image);
      memory.fill(0, this.#image.length);
    }
    for (const [index, number] of numbers.entries()) memory.set(pageOf(bytes, index), number * pageBytes);
    this.#differing = null;
  }

  /** In what the memory, which nothing changes until it is restored, differs now; null where in more than so many bytes. */
  difference(memory: Uint8Array, maxBytes: number): Pages | null {
    const found: number[] = [];
    for (let number = 0; number < memory.length / pageBytes; number++) {
      if (Buffer.compare(pageOf(memory, number), this.#page(number)) !== 0) found.push(number);
      if (found.length * pageBytes > maxBytes) return null;
    }
    const bytes = new Uint8Array(found.length * pageBytes);
    for (const [index, number] of found.entries()) bytes.set(pageOf(memory, number), index * pageBytes);
    this.#differing = Uint32Array.from(found);
    return { numbers: this.#differing, bytes };
  }

  #page(number: number): Uint8Array {
    return number * pageBytes < this.#image.length ? pageOf(this.#image, number) : zeros;
  }
}

function pageOf(memory: Uint8Array, number: number): Uint8Array {
  return memory.subarray(number * pageBytes, (number + 1) * pageBytes);
}
