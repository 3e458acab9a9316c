/**
 * Cosines or sines of the angles by which positions 0, 1, … turn the pairs of a head, [positions, headSize / 2]: pair i
 * turns by position · theta^(-2i/headSize). Angles are rounded to 32 bits, as in Python's implementations.
 */
export function rotationTable(
  name: "cos" | "sin" | "-sin",
  headSize: number,
  theta: number,
  positions: number,
): Float32Array {
  const half = headSize / 2;
  const table = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / theta ** ((2 * i) / headSize));
    for (let p = 0; p < positions; p++) {
      const angle = Math.fround(p * frequency);
      table[p * half + i] = name === "cos" ? Math.cos(angle) : Math.sin(name === "sin" ? angle : -angle);
    }
  }
  return table;
}
