import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import { readSafetensors } from "../../policy/weights/safetensors.ts";
import { type FloatArray, writeSafetensors } from "../../policy/weights/safetensors_writer.ts";

/** Which of a model's parameters are noised. */
export type NoisedPart = "vision" | "text";

const isOf: Readonly<Record<NoisedPart, RegExp>> = {
  vision: /vision_model\..*layers\./,
  text: /text_model\.layers\./,
};

/** Writes a model folder in which the layers of one part have normal noise of `share` of each tensor's own deviation. */
export async function writeNoised(
  from: string,
  to: string,
  { part, share, seed }: { readonly part: NoisedPart; readonly share: number; readonly seed: number },
): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from))
    if (name !== "model.safetensors") await copyFile(join(from, name), join(to, name));
  const tensors = await readSafetensors(join(from, "model.safetensors"));
  const noised = [...tensors].map(([name, tensor]): [string, FloatArray] => {
    const { shape, data } = tensor as { readonly shape: readonly number[]; readonly data: Float32Array };
    if (!isOf[part].test(name)) return [name, { shape, data }];
    const stream = new RandomStream(deriveSeed(seed, name));
    const scale = share * deviationOf(data);
    return [name, { shape, data: data.map((value) => value + scale * stream.normal()) }];
  });
  await writeSafetensors(join(to, "model.safetensors"), new Map(noised));
}

function deviationOf(data: Float32Array): number {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
}
