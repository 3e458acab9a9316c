import type { RunConfig } from "../arena/config/config.ts";
import type { Ports } from "../arena/ports.ts";
import { sceneTruth } from "../arena/truth.ts";
import { ListedImages } from "../images/listed_images.ts";
import { SceneSource } from "../images/scenes/source.ts";
import { ActivityView } from "../policy/embedded/activity.ts";
import type { SamplingPrecision } from "../policy/options.ts";
import { openPolicy } from "../policy/parallel/open_policy.ts";
import type { Policy } from "../policy/port.ts";
import { questionerTemplates } from "../questioner/prompt.ts";
import { describerTemplate, readerTemplates, reasonerTemplates, requirePlaces } from "../reasoner/prompt.ts";
import type { PinnedImage } from "../replay/pins.ts";
import type { Role } from "../replay/self_play.ts";
import { openPool } from "./data.ts";
import type { WithModel } from "./model.ts";
import { holdsRows, openPictures } from "./picture_data.ts";
import { bindList, type Earlier, firstList, type Opening, pinImages } from "./run_images.ts";
import { scaledPictures } from "./scaled_pictures.ts";

/**
 * Opens a run's model in threads of its own, or on its engine, under a name for messages. What is measured, or asked, and
 * not learnt from is sampled in float32, for nothing would correct it: `sampling` is for policies that learn.
 */
export async function openRunPolicy(
  model: WithModel,
  name: Role,
  activity: ActivityView = new ActivityView(),
  sampling?: SamplingPrecision,
): Promise<Policy> {
  if (model.config.engine.kind === "local") return openLocalPolicy(model, name, activity, sampling);
  const { openEnginePolicy } = await import("./engine_policy.ts");
  return openEnginePolicy(model, name);
}

function openLocalPolicy(
  { config, folder, base }: WithModel,
  name: Role,
  activity: ActivityView,
  sampling: SamplingPrecision | undefined,
): Promise<Policy> {
  const { seed, model, device, threads, replicas, adapter, memory, optimizer } = config;
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
    ...(sampling && { sampling }),
    base,
    resolution: model,
    activity,
  });
}

/**
 * What the policies are told: as configured, else as the model's folder says, else as the format has it. Throws "config"
 * where one of the Reasoner's has no place for what it is about.
 */
export function templatesOf({
  config: { prompts, format },
  prompts: ofModel,
}: Pick<WithModel, "config" | "prompts">): Ports["templates"] {
  const questioner = prompts.questioner ?? ofModel.questioner ?? questionerTemplates[format];
  const reasoner = prompts.reasoner ?? ofModel.reasoner ?? reasonerTemplates[format];
  const describer = prompts.describer ?? ofModel.describer ?? describerTemplate;
  const reader = prompts.reader ?? ofModel.reader ?? readerTemplates[format];
  requirePlaces("reasoner", reasoner, ["question"]);
  requirePlaces("reader", reader, ["question", "description"]);
  return { questioner, reasoner, describer, reader, format };
}

/** The images of a run, as it has them, and what to record of a folder's. */
export interface RunImages extends Pick<Ports, "images" | "truth"> {
  readonly list: readonly PinnedImage[] | null;
}

/**
 * The images of a run and, where they are scenes, the truth about them; says which files cannot be used. A run that goes
 * on from an `earlier` one has that one's images.
 */
export async function openImages(
  { images: { data, columns, scenes: settings, followLinks, maxPixels } }: RunConfig,
  opening: Opening,
  earlier: Earlier<readonly PinnedImage[]> | null = null,
): Promise<RunImages> {
  if (data === null) {
    const scenes = new SceneSource(settings);
    return { images: scenes, truth: sceneTruth(scenes), list: null };
  }
  if (await holdsRows(data, opening.signal)) {
    const files = await openPool(data, columns, opening);
    const list = earlier ? await bindList({ files }, earlier, opening) : firstList({ files });
    return {
      images: new ListedImages(list, { maxPixels }, scaledPictures()),
      truth: null,
      list: pinImages(list, earlier?.had),
    };
  }
  const preferred = new Set(earlier?.had?.map(({ name }) => name));
  const source = await openPictures(
    data,
    { followLinks, maxPixels, scaled: scaledPictures(), preferred },
    opening,
  );
  const list = earlier ? await bindList(source, earlier, opening) : firstList(source);
  return { images: source.select(list), truth: null, list: pinImages(list, earlier?.had) };
}
