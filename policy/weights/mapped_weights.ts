import { createHash } from "node:crypto";
import { mkdir, realpath, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { FilePlace } from "../../autodiff/tensor_type.ts";
import { cacheFolder } from "../../common/cache_folder.ts";
import { VisplayError } from "../../common/errors.ts";
import { exists } from "../model_files.ts";
import { locateTensors, type TensorPlace } from "./safetensors.ts";
import { writeSafetensors } from "./safetensors_writer.ts";

/** Conversions under way in this thread, by their file. */
const conversions = new Map<string, Promise<void>>();

/**
 * Places of the same tensors as 32-bit floats, which graphs map into memory: the given ones where they are such
 * floats, else those in a converted copy in the cache folder, which is made at first use. Throws a `VisplayError` of
 * code "disk" where that cannot be written.
 */
export async function mapPlaces(
  tensors: ReadonlyMap<string, TensorPlace>,
): Promise<ReadonlyMap<string, FilePlace>> {
  const fits = ({ dtype, offset }: TensorPlace) => dtype === "F32" && offset % 4 === 0;
  const others = new Map([...tensors].filter(([, place]) => !fits(place)));
  const converted = others.size > 0 ? await locateTensors(await floatCopy(others)) : others;
  const places = new Map<string, FilePlace>();
  for (const [name, place] of tensors) {
    const { path, offset } = converted.get(name) ?? place;
    places.set(name, { path: await realpath(path), offset });
  }
  return places;
}

/** The file in the cache folder that holds tensors as 32-bit floats. */
async function floatCopy(tensors: ReadonlyMap<string, TensorPlace>): Promise<string> {
  const folder = cacheFolder();
  const path = join(folder, `${await identity(tensors)}.safetensors`);
  if (await exists(path)) return path;
  const convert = async (): Promise<void> => {
    const own = `${path}.${process.pid}-${threadId}`;
    await mkdir(folder, { recursive: true }).catch((cause) => {
      throw new VisplayError("disk", `${folder}: cannot be made: ${cause.message}`, { cause });
    });
    await writeSafetensors(own, tensors, "F32");
    await rename(own, path);
  };
  const conversion = conversions.get(path) ?? convert().finally(() => conversions.delete(path));
  conversions.set(path, conversion);
  await conversion;
  return path;
}

/** Names tensors by their files' identity, size and time of change, and by their places. */
async function identity(tensors: ReadonlyMap<string, TensorPlace>): Promise<string> {
  const hash = createHash("sha256");
  for (const path of new Set([...tensors.values()].map((place) => place.path))) {
    const { size, mtimeMs } = await stat(path);
    hash.update(JSON.stringify([await realpath(path), size, mtimeMs]));
  }
  for (const [name, { offset, dtype, shape }] of tensors)
    hash.update(JSON.stringify([name, offset, dtype, shape]));
  return hash.digest("hex").slice(0, 32);
}
