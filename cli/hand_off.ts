import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parse } from "yaml";
import { steadyClock } from "../common/clock.ts";
import { VisplayError } from "../common/errors.ts";
import { shellWord } from "../common/shell_word.ts";
import { type Trainer, trainers } from "../hand_off/phase.ts";
import { type JobDetails, RayJobs } from "../hand_off/ray_jobs.ts";
import { FollowedJob } from "./follow_job.ts";
import { handBack } from "./hand_back.ts";
import {
  type HandOffOptions,
  type PreparedJob,
  prepareJob,
  resultFolder,
  unlikeLines,
} from "./handed_phase.ts";
import { interruptible } from "./interrupt.ts";
import { liveOpening } from "./live_opening.ts";
import { nonNegative, positive } from "./option_values.ts";
import { programName } from "./program_name.ts";
import { RunFolder } from "./run_folder.ts";
import type { Opening } from "./run_images.ts";
import { print } from "./terminal.ts";
import { type WaitingRun, waitingRun } from "./waiting_run.ts";

interface Flags {
  readonly to: Trainer;
  readonly url?: string;
  readonly out?: string;
  readonly seenAs?: string;
  readonly directory?: string;
  readonly nodes: number;
  readonly gpus: number;
  readonly with: Readonly<Record<string, unknown>>;
  readonly result?: string;
  readonly pollSeconds: number;
  readonly dryRun: boolean;
  readonly again: boolean;
  readonly stop: boolean;
}

/** Adds `visplay hand-off`: a Reasoner phase as a job of another trainer on a Ray cluster. */
export function addHandOff(program: Command): void {
  program
    .command("hand-off")
    .argument("<run>", "folder of a run that stands before a Reasoner phase")
    .description(
      "play a whole Reasoner phase as a job elsewhere, and go on with the weights that it comes to",
    )
    .addOption(
      new Option("--to <trainer>", "who plays it, on a Ray cluster").choices(trainers).makeOptionMandatory(),
    )
    .option("--url <url>", "the cluster's Jobs interface, such as http://head:8265")
    .option(
      "--out <folder>",
      "what the job reads and writes, on storage that the cluster shares (default: in the run's folder)",
    )
    .option("--seen-as <path>", "how the cluster's machines call that folder, where they call it otherwise")
    .option("--directory <path>", "folder there in which the job runs: for EasyR1, a checkout of it")
    .option("--nodes <n>", "machines", positive, 1)
    .option("--gpus <n>", "GPUs of each", positive, 8)
    .option("--with <name=value>", "a setting of the trainer's own; may be repeated", ownSetting, {})
    .option("--result <folder>", "weights to go on with, where they are not where the job leaves them")
    .option("--poll-seconds <n>", "pause between two looks at the job", nonNegative, 5)
    .option("--dry-run", "write the files only", false)
    .option("--again", "submit a job anew that has failed or was stopped", false)
    .option("--stop", "stop the job", false)
    .action(handOff);
}

function ownSetting(text: string, before: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [, name, value] = /^([\w.]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("expected name=value");
  return { ...before, [name]: parse(value as string) };
}

async function handOff(run: string, flags: Flags): Promise<void> {
  using interrupt = interruptible();
  using opening = liveOpening(interrupt.signal, "reading the run");
  const { waiting, options, job } = await prepare(run, flags, opening);
  tell(job, options, opening);
  if (flags.dryRun) return print(`${options.out}: ready for ${job.request.submission_id}; submitted nothing`);
  if (flags.url === undefined) throw new VisplayError("usage", "found no --url; expected it, or --dry-run");
  const jobs = new RayJobs(flags.url, { signal: interrupt.signal, onTrouble: opening.say });
  if (flags.stop) return stop(jobs, job, opening);
  const startedMs = steadyClock.now();
  opening.show(`asking ${jobs.url} about ${job.request.submission_id}`);
  await play(run, { flags, jobs, job }, opening);
  const back = {
    weights: flags.result ?? resultFolder(options.out, job),
    durationMs: steadyClock.now() - startedMs,
  };
  await using folder = await RunFolder.reopen(run, opening.say);
  const again = await waitingRun(folder, opening);
  if (again.saved.id !== waiting.saved.id)
    throw new VisplayError(
      "run",
      `${run} has gone on since the job began, from ${again.saved.id}; its weights stay in ${back.weights}`,
    );
  const id = await handBack(folder, again, job, back, opening);
  print(`${run}: checkpoint ${id} has the Reasoner that ${job.request.submission_id} trained`);
  print(`to go on: ${programName()} resume ${shellWord(run)}`);
}

interface Prepared {
  readonly waiting: WaitingRun;
  readonly options: HandOffOptions;
  readonly job: PreparedJob;
}

async function prepare(run: string, flags: Flags, opening: Opening): Promise<Prepared> {
  const { to, nodes, gpus, directory = null } = flags;
  await using folder = await RunFolder.reopen(run, opening.say);
  const waiting = await waitingRun(folder, opening);
  const out = resolve(flags.out ?? join(run, "hand-off", `round-${waiting.phase.round}-${to}`));
  const seenAs = (flags.seenAs ?? out).replace(/\/+$/, "");
  const options = { run, to, out, seenAs, directory, nodes, gpus, own: flags.with };
  return { waiting, options, job: await prepareJob(waiting, options, opening) };
}

function tell({ request, unlike }: PreparedJob, { to, out }: HandOffOptions, { say }: Opening): void {
  const lines = unlikeLines(unlike);
  say(`${out}: the files of ${request.submission_id}`);
  if (lines.length === 0) return;
  say([`settings that ${to} takes otherwise or not at all (unlike.txt there):`, ...lines].join("\n  "));
}

interface Playing {
  readonly flags: Flags;
  readonly jobs: RayJobs;
  readonly job: PreparedJob;
}

/** Has a job played, or goes on following it; returns once it has succeeded. */
async function play(run: string, { flags, jobs, job }: Playing, opening: Opening): Promise<void> {
  const { submission_id: id } = job.request;
  const command = `${programName()} hand-off ${shellWord(run)} --to ${flags.to} --url ${shellWord(jobs.url)}`;
  const place = flags.out === undefined ? "" : ` --out ${shellWord(flags.out)}`;
  try {
    const found = await jobs.details(id);
    if (found && flags.again && (found.status === "FAILED" || found.status === "STOPPED")) {
      await jobs.forget(id);
      await submit(jobs, job, opening);
    } else if (found) opening.say(`${id} is there already (${found.status}); following it`);
    else await submit(jobs, job, opening);
    const followed = new FollowedJob(jobs, id, { ...opening, pauseMs: 1000 * flags.pollSeconds });
    requireSuccess(id, await followed.toItsEnd(), `${command}${place} --again`);
  } catch (error) {
    if (!opening.signal.aborted) throw error;
    print(`${id} goes on without us. To follow it: ${command}${place}`);
    print(`To stop it: ${command}${place} --stop`);
    throw error;
  }
}

async function submit(jobs: RayJobs, { request }: PreparedJob, { say }: Opening): Promise<void> {
  await jobs.submit(request);
  say(`${request.submission_id}: submitted to ${jobs.url}`);
}

function requireSuccess(id: string, { status, message }: JobDetails, again: string): void {
  if (status === "SUCCEEDED") return;
  const came = status === "STOPPED" ? "was stopped" : "failed";
  const found = `${id} ${came}${message ? `: ${message.trim()}` : ""}`;
  throw new VisplayError("run", `${found}; the run stands where it stood; once it is mended: ${again}`);
}

async function stop(
  jobs: RayJobs,
  { request: { submission_id: id } }: PreparedJob,
  { say }: Opening,
): Promise<void> {
  const found = await jobs.details(id);
  if (!found)
    throw new VisplayError("run", `${jobs.url} knows no job ${id}; expected one that was submitted`);
  say((await jobs.stop(id)) ? `${id} is told to stop` : `${id} had ended: ${found.status}`);
}
