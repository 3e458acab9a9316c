/** Converts little-endian elements, from the start of a buffer on, into 32-bit floats. */
export const widen: Record<
  "F64" | "F16" | "BF16",
  (bytes: Uint8Array<ArrayBuffer>, out: Float32Array) => void
> = {
  F64: (bytes, out) => out.set(new Float64Array(bytes.buffer, 0, out.length)),
  F16: (bytes, out) => {
    const halves = new Uint16Array(bytes.buffer, 0, out.length);
    const table = halfValues();
    for (let i = 0; i < out.length; i++) out[i] = table[halves[i] as number] as number;
  },
  BF16: (bytes, out) => {
    const halves = new Uint16Array(bytes.buffer, 0, out.length);
    const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < out.length; i++) words[i] = (halves[i] as number) << 16;
  },
};

let halfTable: Float32Array | undefined;

/** The value of each of the 65,536 half-precision bit patterns. */
function halfValues(): Float32Array {
  halfTable ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return exponent ? sign * (1 + fraction) * 2 ** (exponent - 15) : sign * fraction * 2 ** -14;
  });
  return halfTable;
}
