import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { RgbImage } from "../images/image.ts";
import { readSafetensors, type StoredTensor } from "../policy/weights/safetensors.ts";

/** The folder of reference numbers: REFERENCE_DIR, by default test/reference. */
export const referenceDir: string = resolve(
  process.env.REFERENCE_DIR ?? fileURLToPath(new URL("reference", import.meta.url)),
);

/** The path of a file of the reference. */
export function referencePath(name: string): string {
  return resolve(referenceDir, name);
}

/** A JSON document of the reference, such as "smolvlm-tiny/cases.json". */
// biome-ignore lint/suspicious/noExplicitAny: each test states the shape that it reads
export function readReference<T = any>(name: string): T {
  return JSON.parse(readFileSync(referencePath(name), "utf8")) as T;
}

/** The tensors of a safetensors file of the reference. */
export function readReferenceTensors(name: string): Promise<Map<string, StoredTensor>> {
  return readSafetensors(referencePath(name));
}

/** An image of the reference. */
export async function readReferenceImage(name: string): Promise<RgbImage> {
  const { data, info } = await sharp(referencePath(name))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { id: name, width: info.width, height: info.height, data: new Uint8Array(data) };
}
