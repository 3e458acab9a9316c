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

const words = new Uint32Array(1);
const float = new Float32Array(words.buffer);

/** Rounds 32-bit floats to 16 bits, to nearest, ties to even; what is too large becomes infinite. */
export const narrow: Record<"F16" | "BF16", (floats: Float32Array) => Uint16Array> = {
  BF16: (floats) =>
    Uint16Array.from(floats, (x) => {
      float[0] = x;
      const bits = words[0] as number;
      if (Number.isNaN(x)) return (bits >>> 16) | 64;
      return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
    }),
  F16: (floats) => Uint16Array.from(floats, halfBits),
};

function halfBits(x: number): number {
  float[0] = x;
  const bits = words[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const size = Math.abs(x);
  if (Number.isNaN(x)) return sign | 0x7e00;
  if (size >= 65_520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  const rest = bits & 0x7fff_ffff;
  return sign | ((rest + 0xfff + ((rest >>> 13) & 1) - (112 << 23)) >>> 13);
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const odd = floor % 2 === 1;
  return x - floor > 0.5 || (x - floor === 0.5 && odd) ? floor + 1 : floor;
}
