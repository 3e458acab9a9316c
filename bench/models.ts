import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sizeOf } from "../autodiff/tensor.ts";
import { RandomStream } from "../common/random.ts";
import { readIdefics3Config } from "../policy/models/idefics3_config.ts";
import { SmolVlm } from "../policy/models/smolvlm.ts";
import { writeUntrainedModel } from "../policy/pretrain/model_folder.ts";
import { copyModelFiles } from "../policy/weights/model_weights.ts";
import { ParameterLayout } from "../policy/weights/parameters.ts";
import { writeSafetensors } from "../policy/weights/safetensors_writer.ts";

/** The root of this package, seen from the build. */
export const packageRoot: string = fileURLToPath(new URL("../../", import.meta.url));

/** The embedded model; where it has not been made yet, an untrained one of the same sizes in a folder under `scratch`. */
export async function embeddedModel(scratch: string): Promise<string> {
  const embedded = join(packageRoot, "models/tiny");
  const made = await access(join(embedded, "model.safetensors")).then(
    () => true,
    () => false,
  );
  if (made) return embedded;
  const untrained = join(scratch, "untrained");
  await writeUntrainedModel(untrained, 0);
  return untrained;
}

/** Sections of config.json and what changes in them. */
export interface Resizing {
  readonly text_config: Readonly<Record<string, number>>;
  readonly vision_config?: Readonly<Record<string, number>>;
}

/** Writes a model of other sizes, with random weights and the tokenizer and processor of the model in `source`. */
export async function writeResizedModel(source: string, sizes: Resizing, folder: string): Promise<void> {
  const config = JSON.parse(await readFile(join(source, "config.json"), "utf8"));
  Object.assign(config.text_config, sizes.text_config);
  Object.assign(config.vision_config, sizes.vision_config);
  await copyModelFiles(source, folder, "float32");
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const layout = new ParameterLayout(new SmolVlm(await readIdefics3Config(folder)).parameters);
  await writeSafetensors(join(folder, "model.safetensors"), layout.arrays(randomWeights(layout)));
}

/** Matrices that keep the scale of their input, norms as the identity. */
function randomWeights(layout: ParameterLayout): Float32Array {
  const flat = new Float32Array(layout.size);
  const stream = new RandomStream(0);
  for (const { name, shape } of layout.specs) {
    const values = layout.view(flat, name);
    const deviation = sizeOf(shape.slice(1)) ** -0.5;
    if (shape.length === 1) values.fill(name.endsWith(".bias") ? 0 : 1);
    else for (let i = 0; i < values.length; i++) values[i] = stream.normal() * deviation;
  }
  return flat;
}

/** A temporary folder, gone when disposed of. */
export async function scratchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "visplay-bench-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
