import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.REFERENCE_DIR ?? "test/reference";

/** A JSON file of the reference numbers. */
export function referenceJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder, path), "utf8")) as T;
}

/** The [rows][columns] float32 matrices of a safetensors file, by name. */
export function referenceMatrices(path: string): Map<string, number[][]> {
  const bytes = readFileSync(join(folder, path));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header: Record<string, { shape: [number, number]; data_offsets: [number, number] }> = JSON.parse(
    bytes.toString("utf8", 8, start),
  );
  const matrices = new Map<string, number[][]>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [rows, columns] = entry.shape;
    const at = (i: number) => bytes.readFloatLE(start + entry.data_offsets[0] + 4 * i);
    matrices.set(
      name,
      Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => at(r * columns + c))),
    );
  }
  return matrices;
}
