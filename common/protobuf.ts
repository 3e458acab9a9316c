/** Writes protobuf messages: the few wire types that ONNX, TensorBoard and engines need, into one growing buffer. */
export class ProtobufWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  integer(field: number, value: number | bigint): this {
    this.#varint(BigInt(field << 3));
    this.#varint(BigInt(value));
    return this;
  }

  float(field: number, value: number): this {
    this.#varint(BigInt((field << 3) | 5));
    const at = this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(at, value, true);
    return this;
  }

  double(field: number, value: number): this {
    this.#varint(BigInt((field << 3) | 1));
    const at = this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(at, value, true);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(BigInt((field << 3) | 2));
    this.#varint(BigInt(value.length));
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Numbers one after the other, without their field: the content of a packed list. */
  packed(values: readonly number[]): Uint8Array {
    for (const value of values) this.#varint(BigInt(value));
    return this.finish();
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, build: (writer: ProtobufWriter) => unknown): this {
    const inner = new ProtobufWriter();
    build(inner);
    return this.bytes(field, inner.finish());
  }

  /** A view of what was written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const at = this.#reserve(1);
      this.#bytes[at] = rest > 0n ? low | 0x80 : low;
    } while (rest > 0n);
  }

  /** Makes room for `count` bytes and returns where they begin. */
  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return at;
  }
}
