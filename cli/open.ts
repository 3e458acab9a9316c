import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { RunConfig } from "../arena/config.ts";
import type { Ports } from "../arena/ports.ts";
import { sceneTruth } from "../arena/scene_truth.ts";
import { VisplayError } from "../common/errors.ts";
import { openFolder } from "../images/folder.ts";
import { SceneSource } from "../images/scenes/source.ts";
import type { Remark } from "../images/walk.ts";
import { openPolicy } from "../policy/open_policy.ts";
import type { Policy } from "../policy/policy.ts";
import { defaultQuestionerTemplates } from "../questioner/prompt.ts";
import { defaultReasonerTemplates } from "../reasoner/prompt.ts";
import { plural } from "./format.ts";
import type { WithModel } from "./model.ts";

/** Opens a run's model in threads of its own, under a name for messages. */
export function openRunPolicy({ config, folder, base }: WithModel, name: string): Promise<Policy> {
  const { seed, device, threads, replicas, adapter, memory, optimizer } = config;
  const { connectorLearningRateFactor: connector, visionLearningRateFactor: vision, ...adamW } = optimizer;
  return openPolicy(folder, {
    name,
    device,
    threads,
    replicas,
    optimizer: adamW,
    learningRateFactors: { text: 1, connector, vision },
    microBatchTokens: memory.microBatchTokens,
    recomputes: memory.recomputeActivations,
    adapter: { ...adapter, seed },
    base,
  });
}

const ModelSettings = z.object({
  prompts: z.object({ questioner: z.string(), reasoner: z.string() }).partial().default({}),
});

/** What the policies are told: as configured, else as the model folder's visplay.json says, else the default. */
export async function openTemplates({ prompts }: RunConfig, folder: string): Promise<Ports["templates"]> {
  const file = join(folder, "visplay.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  const { success, data } = ModelSettings.safeParse(parseJson(text));
  if (!success)
    throw new VisplayError("model", `${file}: expected {"prompts": {"questioner": …, "reasoner": …}}`);
  return {
    questioner: prompts.questioner ?? data.prompts.questioner ?? defaultQuestionerTemplates.questioner,
    reasoner: prompts.reasoner ?? data.prompts.reasoner ?? defaultReasonerTemplates.reasoner,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The images of a run and, where they are scenes, the truth about them; says which files cannot be used. */
export async function openImages(
  { images }: RunConfig,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Pick<Ports, "images" | "truth">> {
  if (images.folder === null) {
    const scenes = new SceneSource(images.scenes);
    return { images: scenes, truth: sceneTruth(scenes) };
  }
  const source = await openFolder(images.folder, { signal, maxPixels: images.maxPixels });
  const { skipped, warnings, ignored } = source;
  sayRemarks("skipped", skipped, say);
  sayRemarks("note", warnings, say);
  say(
    `${images.folder}: ${plural(source.length, "image")}, ${skipped.length} skipped, ${ignored} of other kinds`,
  );
  return { images: source, truth: null };
}

const maxRemarks = 20;

function sayRemarks(kind: string, remarks: readonly Remark[], say: (line: string) => void): void {
  for (const { name, reason } of remarks.slice(0, maxRemarks)) say(`${kind}: ${name}: ${reason}`);
  if (remarks.length > maxRemarks) say(`${kind}: and ${remarks.length - maxRemarks} more`);
}
