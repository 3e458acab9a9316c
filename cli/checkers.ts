import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { askingChecker } from "../arena/checkers.ts";
import type { CheckerConfig } from "../arena/config/attribution.ts";
import type { RunConfig } from "../arena/config/config.ts";
import { VisplayError } from "../common/errors.ts";
import type { ClaimChecker } from "../environments/checkers/claim_checker.ts";
import { detectorChecker } from "../environments/checkers/detector.ts";
import { textChecker } from "../environments/checkers/text_reader.ts";
import { openOcr } from "../environments/tools/ocr/ocr.ts";
import { openPipelineTool } from "../environments/tools/pipelines/pipeline_tool.ts";
import { folderHashes } from "./inputs.ts";
import { openEncoder } from "./labelled.ts";
import { openModel } from "./model.ts";
import { openRunPolicy } from "./open.ts";
import { pipelineFolder } from "./pipeline_folder.ts";
import type { Opening } from "./run_images.ts";

/** Who checks descriptions, by the user's word, and SHA-256 by setting of what that is made of; let go when disposed. */
export interface OpenCheckers extends AsyncDisposable {
  readonly checkers: readonly ClaimChecker[];
  readonly inputs: Readonly<Record<string, string>>;
}

/** What one call of a tool may take. */
const timeLimitMs = 60_000;

/**
 * Opens those that `attribution.checker` names, in the order in which they are asked; none where nobody describes. Throws "model" or
 * "config" where one is not there.
 */
export async function openCheckers(config: RunConfig, opening: Opening): Promise<OpenCheckers> {
  const { share, evaluation, checker } = config.attribution;
  const checkers: ClaimChecker[] = [];
  const inputs: Record<string, string> = {};
  const close = async () => {
    for (const each of checkers) await each[Symbol.asyncDispose]?.();
  };
  const asks = (name: ClaimChecker["name"]) =>
    (share > 0 || evaluation) && (checker.kind === "auto" || checker.kind === name);
  try {
    if (checker.detect !== null && asks("detector")) {
      const { opened, digest } = await openDetector(checker.detect, checker, opening);
      checkers.push(opened);
      inputs["attribution.checker.detect"] = digest;
    }
    if (checker.ocr !== null && asks("ocr"))
      checkers.push(
        textChecker(await openOcr(checker.ocr, { setting: "attribution.checker.ocr", timeLimitMs })),
      );
    if (checker.policy !== null && asks("policy")) {
      const { opened, hashes } = await openOther(checker.policy, config, opening);
      checkers.push(opened);
      Object.assign(inputs, hashes);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { checkers, inputs, [Symbol.asyncDispose]: close };
}

async function openDetector(
  model: string,
  { threshold }: CheckerConfig,
  opening: Opening,
): Promise<{ readonly opened: ClaimChecker; readonly digest: string }> {
  const setting = "attribution.checker.detect";
  const folder = await pipelineFolder(model, opening);
  const { tool, digest } = await openPipelineTool("detect", folder, { setting, timeLimitMs });
  const { id2label = {} } = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as {
    readonly id2label?: Readonly<Record<string, string>>;
  };
  const labels = Object.values(id2label);
  return { opened: detectorChecker(tool, { labels, threshold }), digest };
}

/** Another model, which is asked and never learns. */
async function openOther(
  name: string,
  config: RunConfig,
  { signal, show }: Opening,
): Promise<{ readonly opened: ClaimChecker; readonly hashes: Readonly<Record<string, string>> }> {
  const setting = "attribution.checker.policy";
  const adapter = { ...config.adapter, rank: 0 };
  const settings = { ...config, model: { ...config.model, name }, adapter, replicas: 1 };
  const model = await openModel(settings, signal).catch((error) => {
    if (!(error instanceof VisplayError)) throw error;
    throw new VisplayError(error.code, `${setting}: ${error.message}`, { cause: error });
  });
  show(`opening ${name}`);
  const policy = await openRunPolicy(model, "reasoner");
  const scores = {
    score: (...[groups, temperature, stop]: Parameters<Parameters<typeof askingChecker>[1]["score"]>) =>
      policy.score(groups, { weights: "policy", temperature }, stop),
  };
  return {
    opened: {
      ...askingChecker("policy", scores, await openEncoder(model)),
      [Symbol.asyncDispose]: () => policy[Symbol.asyncDispose](),
    },
    hashes: await folderHashes(setting, model.folder, { signal, show }),
  };
}
