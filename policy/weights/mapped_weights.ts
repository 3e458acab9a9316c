import { realpath } from "node:fs/promises";
import type { FilePlace } from "../../autodiff/tensor_type.ts";
import { exists } from "../model_files.ts";
import { cachedFile, identityOf } from "./cached_file.ts";
import { locateTensors, type TensorPlace } from "./safetensors.ts";
import { writeSafetensors } from "./safetensors_writer.ts";

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
  const name = `${await identityOf(tensors)}.safetensors`;
  return cachedFile(name, exists, (path) => writeSafetensors(path, tensors, "F32"));
}
