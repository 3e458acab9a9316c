import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { LoadedCheckpoint } from "../arena/checkpoints/checkpoint_store.ts";
import { reasonerSteps } from "../arena/config/reasoner.ts";
import { type Stage, startFolder } from "../arena/config/stages.ts";
import { withoutSecrets } from "../arena/config/watch.ts";
import { itemCount } from "../arena/curriculum.ts";
import { formatPosition, stageAt } from "../arena/run_state.ts";
import { VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import { shellWord } from "../common/shell_word.ts";
import { exportCurriculum } from "../data/export/export.ts";
import type { ExportItem } from "../data/export/record.ts";
import { type Selection, select } from "../data/export/selection.ts";
import { writeFolder } from "../data/export/staging.ts";
import { easyr1 } from "../hand_off/easyr1.ts";
import type { JobPlaces, Machines, Phase, Trainer } from "../hand_off/phase.ts";
import type { JobRequest } from "../hand_off/ray_jobs.ts";
import { rewardFunction } from "../hand_off/reward_function.ts";
import type { TrainerRules } from "../hand_off/trainer.ts";
import { nested, translate } from "../hand_off/translate.ts";
import { verl } from "../hand_off/verl.ts";
import { exportAdapter, exportModel } from "../policy/embedded/export_model.ts";
import { storedSteps } from "../policy/embedded/optimizer_state.ts";
import { isAdapterFolder, readAdapterConfig } from "../policy/weights/adapter_config.ts";
import { reasonerText } from "../reasoner/prompt.ts";
import { recordsOf, runFacts } from "./curriculum_records.ts";
import { openModel, type WithModel } from "./model.ts";
import { templatesOf } from "./open.ts";
import { programName } from "./program_name.ts";
import type { RunFolder } from "./run_folder.ts";
import type { Opening } from "./run_images.ts";
import { recordOf, savedSettings } from "./run_record.ts";
import { runSettings } from "./run_settings.ts";

const rules: Readonly<Record<Trainer, TrainerRules>> = { easyr1, verl };

/** A run that stands before a Reasoner phase. */
export interface WaitingRun {
  readonly saved: LoadedCheckpoint;
  readonly model: WithModel;
  readonly stage: Stage;
  readonly phase: Phase;
}

/** Where and how a phase is to be played. */
export interface HandOffOptions extends Machines {
  /** The run's folder. */
  readonly run: string;
  readonly to: Trainer;
  /** The folder of what the job reads and writes, which the cluster sees, too. */
  readonly out: string;
  /** What that folder is called there. */
  readonly seenAs: string;
  /** The folder there in which the job runs; null for where the cluster starts it. */
  readonly directory: string | null;
  /** Settings of the trainer that go before ours, by its dotted names. */
  readonly own: Readonly<Record<string, unknown>>;
}

/** A job whose files are written. */
export interface PreparedJob {
  readonly request: JobRequest;
  readonly trainer: Trainer;
  /** The checkpoint that it goes on from. */
  readonly checkpoint: string;
  /** What the trainer does otherwise, by the names of our settings. */
  readonly unlike: Readonly<Record<string, string>>;
  /** Where its weights lie once it is over, relative to the folder. */
  readonly result: string;
}

const jobName = "job.json";
const dataName = "curriculum";
const output = "output";

/**
 * The phase before which a run stands. Throws "run" where it stands elsewhere, "emptyCurriculum" where the curriculum is too
 * small for a step.
 */
export async function waitingRun(folder: RunFolder, { say, signal }: Opening): Promise<WaitingRun> {
  const run = folder.path;
  const record = recordOf(run);
  const saved = await folder.lastCheckpoint(record, say);
  if (!saved) throw new VisplayError("run", `${run}: found no checkpoint; ${remedy(run)}`);
  const { played } = await savedSettings(run, { saved, record }, say);
  const model = await openModel(withoutSecrets(runSettings([played])), signal);
  const { config } = model;
  if (config.engine.kind !== "local")
    throw new VisplayError(
      "config",
      `engine.kind: found ${config.engine.kind}, expected local: its weights are on that server`,
    );
  const { next, curriculum } = saved.state;
  const stage = stageAt(config, next);
  const stands = next.leg === "audit" || (next.leg === "reasoner" && next.step === 0);
  if (stage.config.kind !== "self_play" || !stands)
    throw new VisplayError(
      "run",
      `${run} stands at ${formatPosition(next)}; expected it before a Reasoner phase; ${remedy(run)}`,
    );
  const items = itemCount(curriculum);
  if (items < config.reasoner.itemsPerStep) {
    const found = `${run}: found ${items} items in the curriculum of round ${next.round}`;
    throw new VisplayError(
      "emptyCurriculum",
      `${found}; expected ${config.reasoner.itemsPerStep} for one step (reasoner.itemsPerStep)`,
    );
  }
  const state = saved.folders.reasoner;
  const updates = await storedSteps(state);
  const adapter = (await isAdapterFolder(state)) ? await readAdapterConfig(state) : null;
  const phase: Phase = {
    config,
    round: next.round,
    roundsBefore: stage.before,
    items,
    steps: reasonerSteps(config.reasoner, items),
    updates,
    // Adapters are left out for the reference there, whole models are what the job begins with.
    isAnchored: adapter ? model.folder === model.base && startFolder(stage) === null : updates === 0,
    adapter,
  };
  return { saved, model, stage, phase };
}

function remedy(run: string): string {
  return `\`${programName()} resume ${run} --until-curriculum\` plays it up to there`;
}

/**
 * Writes the files of a job, or finds those that an earlier call wrote. Throws "run" where those are of another phase, "usage"
 * where the trainer cannot play it.
 */
export async function prepareJob(
  waiting: WaitingRun,
  options: HandOffOptions,
  opening: Opening,
): Promise<PreparedJob> {
  const { out, to } = options;
  const { saved, phase } = waiting;
  const known = await preparedIn(out);
  if (known) {
    if (known.checkpoint === saved.id && known.trainer === to) return known;
    const found = `${out} holds a job for ${known.trainer} from checkpoint ${known.checkpoint}`;
    throw new VisplayError(
      "run",
      `${found}; expected one for ${to} from ${saved.id}; choose another folder with --out`,
    );
  }
  if (to === "easyr1" && phase.adapter)
    throw new VisplayError(
      "usage",
      "--to easyr1: found a run that trains adapters, which EasyR1 cannot go on with; expected --to verl, or adapter.rank: 0",
    );
  opening.show("writing the job's files");
  return writeFolder(out, (staging) => writeJob(staging, waiting, options, opening), opening.say);
}

async function preparedIn(out: string): Promise<PreparedJob | null> {
  const path = join(out, jobName);
  if (existsSync(path)) return JSON.parse(await readFile(path, "utf8"));
  if (!existsSync(out) || (await readdir(out)).length === 0) return null;
  throw new VisplayError("run", `${out}: found files, and no ${jobName}; expected a new folder (--out)`);
}

async function writeJob(
  staging: string,
  waiting: WaitingRun,
  options: HandOffOptions,
  opening: Opening,
): Promise<PreparedJob> {
  const { model, phase, saved } = waiting;
  const { to, own } = options;
  const trainer = rules[to];
  const data = await writeCurriculum(join(staging, dataName), waiting, options, opening);
  await writeModels(staging, waiting, options);
  await mkdir(join(staging, output));
  await writeFile(join(staging, "reward.py"), rewardFunction(to, model.config));
  const places = placesIn(options.seenAs, data, phase);
  const { told, unlike } = translate(phase, to);
  const all = { ...told, ...trainer.told(phase, places, options), ...own };
  await writeFile(join(staging, "config.yaml"), stringify({ ...trainer.preamble, ...nested(all) }));
  await writeFile(join(staging, "unlike.txt"), `${unlikeLines(unlike).join("\n")}\n`);
  const command = trainer.entrypoint(phase, places);
  const entrypoint =
    options.directory === null ? command : `cd ${shellWord(options.directory)} && ${command}`;
  const job: PreparedJob = {
    request: {
      submission_id: `visplay-round-${phase.round}-${to}-${await nameOf(staging, [entrypoint, saved.id])}`,
      entrypoint,
      runtime_env: {},
      metadata: { round: `${phase.round}`, checkpoint: saved.id, release },
    },
    trainer: to,
    checkpoint: saved.id,
    unlike,
    result: trainer.result(phase, placesIn(".", data, phase)),
  };
  await writeFile(join(staging, jobName), `${JSON.stringify(job, null, 2)}\n`);
  return job;
}

/** What a trainer does otherwise, line by line. */
export function unlikeLines(unlike: Readonly<Record<string, string>>): string[] {
  return Object.entries(unlike).map(([name, found]) => `${name}: ${found}`);
}

/** The round's items with the very prompts that the Reasoner is trained on; gives the file's name. */
async function writeCurriculum(
  folder: string,
  { model, phase }: WaitingRun,
  { to, run }: HandOffOptions,
  { signal, say, show }: Opening,
): Promise<string> {
  const damaged: string[] = [];
  const onDamage = (what: string): void => void damaged.push(what);
  const records = [...recordsOf(run, { runIndex: 0, taught: false, onDamage })];
  const selection: Selection = { ...wholeCurriculum, rounds: [phase.round] };
  const never = () => Promise.reject(new Error("no rule looks at pictures"));
  const selected = await select(records, selection, never, null);
  if (damaged.length > 0) throw new VisplayError("damaged", `${run}: ${damaged.join("; ")}`);
  const templates = templatesOf(model);
  const asked = ({ question, ...item }: ExportItem): ExportItem => ({
    ...item,
    question: reasonerText(question, templates),
  });
  const { images, model: seen } = model.config;
  await exportCurriculum(
    folder,
    { ...selected, items: selected.items.map(asked) },
    [runFacts(run, onDamage)],
    {
      formats: [to],
      shardBytes: Number.POSITIVE_INFINITY,
      license: "unknown",
      release,
      selection,
      damaged,
      keepMetadata: false,
      maxPixels: seen.maxPixels ?? images.maxPixels,
      signal,
      say,
      onProgress: (items) => show(`exporting the curriculum: ${items} of ${selected.items.length}`),
    },
  );
  const [file] = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".parquet"));
  return file as string;
}

const wholeCurriculum: Omit<Selection, "rounds"> = {
  outcomes: ["admitted"],
  confidence: { low: 0, high: 1 },
  minVotes: 0,
  agreement: null,
  distinctQuestions: false,
  similarImages: null,
  maxPerImage: null,
  maxPerCluster: null,
  max: null,
  balance: false,
  splits: [{ name: "train", share: 1 }],
  seed: 0,
};

async function writeModels(
  staging: string,
  { saved, model, phase }: WaitingRun,
  { seenAs }: HandOffOptions,
): Promise<void> {
  const state = saved.folders.reasoner;
  const whole = { dtype: "F32", shardBytes: 5e9 } as const;
  await exportModel(phase.adapter ? model.base : state, join(staging, "model"), whole);
  if (phase.adapter) await exportAdapter(state, join(staging, "adapter"), `${seenAs}/model`);
}

function placesIn(folder: string, data: string, { adapter }: Phase): JobPlaces {
  return {
    data: `${folder}/${dataName}/${data}`,
    model: `${folder}/model`,
    adapter: adapter && `${folder}/adapter`,
    reward: `${folder}/reward.py`,
    config: `${folder}/config.yaml`,
    output: `${folder}/${output}`,
  };
}

/** Of what a job reads, so that the same job has the same name. */
async function nameOf(folder: string, texts: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["config.yaml", "reward.py", join(dataName, "curriculum.json")])
    hash.update(await readFile(join(folder, name)));
  for (const text of texts) hash.update(text);
  return hash.digest("hex").slice(0, 12);
}

/** Where a job's weights lie, as this machine sees them. */
export function resultFolder(out: string, { result }: PreparedJob): string {
  return resolve(out, result);
}
