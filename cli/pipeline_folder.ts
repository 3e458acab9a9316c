import { stat } from "node:fs/promises";
import { pipelineFiles } from "../environments/tools/pipelines/model_files.ts";
import { parseHubName } from "../hub/name.ts";
import { tellDownload } from "./model.ts";
import type { Opening } from "./run_images.ts";

/** The folder of a model in transformers.js's form; one on the hub is downloaded where the cache lacks it. */
export async function pipelineFolder(model: string, opening: Opening): Promise<string> {
  const name = parseHubName(model);
  const found = await stat(model).catch(() => undefined);
  if (found || !name) return model;
  opening.show(`looking for ${name.repo}`);
  const { openHubModel } = await import("../hub/model.ts");
  const onProgress = tellDownload(name.repo, opening);
  return (await openHubModel(name, onProgress, opening.signal, pipelineFiles)).folder;
}
