import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type RunConfig, type RunSettings, runConfig } from "../arena/config/config.ts";
import { VisplayError } from "../common/errors.ts";
import type { DownloadProgress } from "../hub/fetch_files.ts";
import { parseHubName } from "../hub/name.ts";
import { isAdapterFolder, readAdapterConfig } from "../policy/weights/adapter_config.ts";
import { bytes } from "./format.ts";
import { LiveLine } from "./live_line.ts";
import { type ModelDefaults, readModelDefaults } from "./model_defaults.ts";
import type { Opening } from "./run_images.ts";

/** A configuration whose model is at hand. */
export interface WithModel {
  /** Names the very commit where the model comes from the hub. */
  readonly config: RunConfig;
  /** The Hugging Face folder of the model, or a PEFT adapter's. */
  readonly folder: string;
  /** The folder of the model itself, which an adapter names. */
  readonly base: string;
  /** What that folder says that policies are told. */
  readonly prompts: ModelDefaults["prompts"];
}

/**
 * Finds the model of settings, and the model of that where it is an adapter, and resolves the settings with what it says.
 * Throws "model" where there is none.
 */
export async function openModel(settings: RunSettings, signal: AbortSignal): Promise<WithModel> {
  const isDescribed = settings.engine.kind !== "local";
  const { name, folder } = await findModel(settings.model.name, signal, isDescribed);
  const adapted = await isAdapterFolder(folder);
  const { folder: base } = adapted
    ? await findModel((await readAdapterConfig(folder)).base, signal)
    : { folder };
  const { prompts, maxTokens } = await readModelDefaults(base);
  const evaluation = withDescriber(
    settings.evaluation,
    settings.prompts.describer ?? prompts.describer ?? null,
  );
  const config = runConfig({ ...settings, evaluation, model: { ...settings.model, name } }, maxTokens);
  return { config, folder, base, prompts };
}

/** An evaluation that asks for descriptions as the Reasoner is asked for them, where that needs no question. */
function withDescriber(
  evaluation: RunSettings["evaluation"],
  describer: string | null,
): RunSettings["evaluation"] {
  const own = describer?.includes("{question}") ? null : describer;
  const { hallucination } = evaluation;
  return { ...evaluation, hallucination: { ...hallucination, prompt: hallucination.prompt ?? own } };
}

/**
 * The folder of a model, and a name that will always mean the same: "tiny" is the embedded one, then folders go before
 * names on the hub, which are downloaded where the cache lacks them. Throws "model" where it is none of these, and as
 * `openHubModel` does. Of a model that is only described here, as an engine has it, no weights are downloaded.
 */
async function findModel(
  model: string,
  signal: AbortSignal,
  isDescribed = false,
): Promise<{ name: string; folder: string }> {
  if (model === "tiny") return { name: model, folder: embeddedFolder() };
  const found = await stat(model).catch(() => undefined);
  if (found?.isDirectory()) return { name: model, folder: model };
  const name = parseHubName(model);
  if (name === undefined || found) {
    const problem = found ? "is a file, not a folder" : "is no folder, and no name on the hub";
    const expected = 'expected "tiny", a Hugging Face model folder, or owner/name[@revision]';
    throw new VisplayError("model", `model ${model} ${problem}; ${expected}`);
  }

  const { openHubDescription, openHubModel } = await import("../hub/model.ts");
  let line = `looking for ${name.repo}`;
  using live = new LiveLine(() => line);
  const { folder, commit } = await (isDescribed ? openHubDescription : openHubModel)(
    name,
    (progress) => {
      line = `downloading ${name.repo}: ${downloadText(progress)}`;
      if (progress.bytes === progress.size) live.say(`${progress.path}: ${bytes(progress.size)}`);
    },
    signal,
  );
  return { name: `${name.repo}@${commit}`, folder };
}

/** The folder of a run's model where it is on this machine; null where it is not. Nothing is downloaded. */
export async function localModel(model: string): Promise<string | null> {
  if (model === "tiny") return embeddedFolder();
  const found = await stat(model).catch(() => undefined);
  if (found?.isDirectory()) return model;
  const name = parseHubName(model);
  if (!name) return null;
  const { cachedModel } = await import("../hub/model.ts");
  return cachedModel(name);
}

/** How far a download is. */
export function downloadText({ path, bytes: done, size }: DownloadProgress): string {
  return `${path} · ${bytes(done)} of ${bytes(size)}`;
}

/** Tells of a download from a repository. */
export function tellDownload(repo: string, { show, say }: Opening): (progress: DownloadProgress) => void {
  return (progress) => {
    show(`downloading ${repo}: ${downloadText(progress)}`);
    if (progress.bytes === progress.size) say(`${progress.path}: ${bytes(progress.size)}`);
  };
}

/** It lies at the root of this package, from sources and from the build. */
function embeddedFolder(): string {
  const relative = import.meta.url.endsWith(".ts") ? "../models/tiny" : "../../models/tiny";
  return fileURLToPath(new URL(relative, import.meta.url));
}
