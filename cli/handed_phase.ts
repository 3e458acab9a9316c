import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import { shellWord } from "../common/shell_word.ts";
import { writeFolder } from "../data/export/staging.ts";
import { easyr1 } from "../hand_off/easyr1.ts";
import type { JobPlaces, Machines, Phase, Trainer } from "../hand_off/phase.ts";
import type { JobRequest } from "../hand_off/ray_jobs.ts";
import { rewardFunction } from "../hand_off/reward_function.ts";
import type { TrainerRules } from "../hand_off/trainer.ts";
import { nested, translate } from "../hand_off/translate.ts";
import { verl } from "../hand_off/verl.ts";
import { exportAdapter, exportModel } from "../policy/embedded/export_model.ts";
import { writeCurriculum } from "./handed_curriculum.ts";
import type { Opening } from "./run_images.ts";
import type { WaitingRun } from "./waiting_run.ts";

const rules: Readonly<Record<Trainer, TrainerRules>> = { easyr1, verl };

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
    if (known.checkpoint === saved.id && known.trainer === to) {
      opening.say(`${out}: its files are as an earlier call wrote them`);
      return known;
    }
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
  const data = await writeCurriculum(join(staging, dataName), options.run, waiting, to, opening);
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
