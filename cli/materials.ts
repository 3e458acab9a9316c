import type { RunConfig } from "../arena/config/config.ts";
import { hasStage } from "../arena/config/stages.ts";
import type { Ports } from "../arena/ports.ts";
import type { Pins } from "../replay/pins.ts";
import { openCheckers } from "./checkers.ts";
import { openEnvironments } from "./environments.ts";
import { openEncoder, openLabelled, type RunData } from "./labelled.ts";
import type { WithModel } from "./model.ts";
import { openImages, type RunImages, templatesOf } from "./open.ts";
import { sayPictures } from "./pictures.ts";
import { about, type Earlier, type Opening } from "./run_images.ts";
import { openTests, type RunTests } from "./tests.ts";

/** All that a run reads beside its models; environments and checkers are let go when it is disposed. */
export interface RunMaterials
  extends RunImages,
    Pick<Ports, "labelled" | "environments" | "toolkits" | "templates" | "encode" | "checkers">,
    AsyncDisposable {
  readonly tests: RunTests;
  /** SHA-256 by name of what these are made of, images of the pool aside. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Opens what a run learns from, acts in and is measured on; a run that goes on has the images of the `earlier` one. */
export async function openMaterials(
  model: WithModel,
  opening: Opening,
  earlier: Earlier<Pins> | null = null,
): Promise<RunMaterials> {
  const { config } = model;
  const data = await openLabelled(config, opening);
  const images = await imagesOf(config, data, opening, earlier);
  await sayPictures(model, images.images, opening.say);
  const templates = templatesOf(model);
  const tests = await openTests(config, opening);
  const encode = await openEncoder(model);
  const made = { images: images.images, templates, labelled: data.labelled };
  const environments = await openEnvironments(config, made, opening);
  const checkers = await openCheckers(config, opening).catch(async (error) => {
    await environments[Symbol.asyncDispose]();
    throw error;
  });
  return {
    ...images,
    ...made,
    environments: environments.environments,
    toolkits: environments.toolkits,
    tests,
    encode,
    checkers: checkers.checkers,
    inputs: { ...tests.inputs, ...data.inputs, ...environments.inputs, ...checkers.inputs },
    [Symbol.asyncDispose]: async () => {
      await environments[Symbol.asyncDispose]();
      await checkers[Symbol.asyncDispose]();
    },
  };
}

/** The pool of self-play; without any, the images of the first stage stand in its place. */
async function imagesOf(
  config: RunConfig,
  { labelled }: RunData,
  opening: Opening,
  earlier: Earlier<Pins> | null,
): Promise<RunImages> {
  const first = labelled.find((each) => each !== null);
  if (first && !hasStage(config, "self_play")) return { images: first.images, truth: null, list: null };
  return openImages(config, opening, earlier && about(earlier, "images"));
}
