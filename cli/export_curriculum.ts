import { setFlagsFromString } from "node:v8";
import { type Command, Option } from "commander";
import { steadyClock } from "../common/clock.ts";
import { diskError } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import { exportCurriculum } from "../data/export/export.ts";
import { type Format, formats } from "../data/export/formats.ts";
import type { CurriculumRecord } from "../data/export/record.ts";
import { type Selected, type Selection, select } from "../data/export/selection.ts";
import { defaultLimits, readImage } from "../images/decode.ts";
import { perceptualHash } from "../images/perceptual_hash.ts";
import { recordsOf, runFacts } from "./curriculum_records.ts";
import { bytes, count, duration, plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { requireNew } from "./new_folder.ts";
import { addSelection, positive } from "./selection_options.ts";
import { print } from "./terminal.ts";
import { openTestSet } from "./test_set.ts";

const megabyte = 1e6;

interface Flags {
  readonly format?: readonly Format[];
  readonly out?: string;
  readonly maxPixels?: number;
  readonly keepMetadata: boolean;
  readonly license: string;
  readonly shardMb: number;
  readonly decontaminate?: string;
  readonly decontaminateQuestions: boolean;
  readonly dryRun: boolean;
}

/** Adds `visplay export-curriculum`: what self-play made, as other trainers read it. */
export function addExportCurriculum(program: Command): void {
  const command = program
    .command("export-curriculum")
    .argument("<runs...>", "folders of runs, which are merged")
    .description("write the questions and answers that self-play made as a data set that other trainers read")
    .addOption(
      new Option("--format <format>", "who is to read it; may be repeated: one pass writes all")
        .choices(formats)
        .argParser<Format[]>((text, before = []) => [...new Set([...before, knownFormat(text)])]),
    )
    .option("--out <folder>", "where to write it; several formats get a folder each")
    .option("--dry-run", "write nothing; say how many questions each rule leaves out", false);
  const selection = addSelection(command);
  command
    .option(
      "--decontaminate <data>",
      "leave out images that look like those of this test set (see docs/data.md)",
    )
    .option(
      "--decontaminate-questions",
      "with it: also questions that say nearly what one of the set's does",
      false,
    )
    .option("--max-pixels <n>", "scale larger pictures down to so many pixels", positive)
    .option("--keep-metadata", "keep EXIF, GPS and the like in the pictures' files", false)
    .option("--license <id>", "licence that the card names, such as cc-by-4.0", "unknown")
    .option("--shard-mb <n>", "size of a file of rows (MB)", positive, 500)
    .action((runs: readonly string[], flags: Flags) => run(runs, flags, selection()));
}

function knownFormat(text: string): Format {
  const found = formats.find((format) => format === text);
  if (found) return found;
  throw new VisplayError("usage", `--format: found ${text}, expected one of ${formats.join(", ")}`);
}

/** Where a long job stands. */
interface Progress {
  readonly signal: AbortSignal;
  show(text: string): void;
  say(text: string): void;
}

async function run(runs: readonly string[], flags: Flags, selection: Selection): Promise<void> {
  const { format, out, dryRun } = flags;
  if (!dryRun && (format === undefined || out === undefined)) {
    const missing = format === undefined ? "--format" : "--out";
    throw new VisplayError("usage", `found no ${missing}; expected it, or --dry-run`);
  }
  if (selection.balance && selection.max === null)
    throw new VisplayError("usage", "--balance: found no --max, expected how many questions it is to fill");
  if (out !== undefined && !dryRun) await requireNew(out);
  // Records stay and all else is garbage at once: V8 would let the heap grow to several times what is in use.
  setFlagsFromString("--heap-growing-percent=30");
  using interrupt = interruptible();
  const { selected, done } = await showing(async (progress) => {
    const selected = await selectFrom(runs, flags, selection, { ...progress, signal: interrupt.signal });
    if (dryRun || format === undefined || out === undefined) return { selected, done: null };
    requireItems(selected);
    await write(out, selected, runs, flags, selection, { ...progress, signal: interrupt.signal });
    return { selected, done: out };
  });
  print(reportOf(selected));
  if (done !== null && format)
    print(`${done}: ${plural(selected.items.length, "question")} for ${format.join(", ")}`);
}

async function showing<T>(work: (progress: Omit<Progress, "signal">) => Promise<T>): Promise<T> {
  let done = "reading the replay";
  using line = new LiveLine(() => done);
  const show = (text: string): void => {
    done = text;
  };
  return work({ show, say: (text) => line.say(text) });
}

async function selectFrom(
  runs: readonly string[],
  { decontaminate, decontaminateQuestions }: Flags,
  selection: Selection,
  progress: Progress,
): Promise<Selected> {
  const records: CurriculumRecord[] = [];
  for (const [runIndex, folder] of runs.entries()) {
    const before = records.length;
    for (const record of recordsOf(folder, { runIndex, taught: selection.agreement !== null })) {
      records.push(record);
      if (records.length % 1000 > 0) continue;
      progress.show(`${folder}: ${count(records.length - before)} questions`);
      await pause(progress.signal);
    }
    if (records.length === before) {
      const found = `${folder}: found no question that was asked and answered for a curriculum`;
      throw new VisplayError("emptyCurriculum", `${found}; expected a run that has come so far`);
    }
  }
  const tests =
    decontaminate === undefined ? null : await openTestSet(decontaminate, decontaminateQuestions, progress);
  let looked = 0;
  const look = async ({ file, image }: CurriculumRecord): Promise<bigint> => {
    progress.signal.throwIfAborted();
    progress.show(`looking at pictures: ${count(++looked)}`);
    return perceptualHash(await readImage(file as string, image, defaultLimits), image);
  };
  return select(records, selection, look, tests);
}

/** Lets signals in, and the live line. */
async function pause(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}

function requireItems(selected: Selected): void {
  if (selected.items.length > 0) return;
  const found = `found no question among ${count(selected.candidates)} that the selection takes`;
  throw new VisplayError("emptyCurriculum", `${found}; widen it:\n${reportOf(selected)}`);
}

async function write(
  out: string,
  selected: Selected,
  runs: readonly string[],
  { format = [], maxPixels, keepMetadata, license, shardMb }: Flags,
  selection: Selection,
  { signal, show }: Progress,
): Promise<void> {
  const startedMs = steadyClock.now();
  const total = selected.items.length;
  const onProgress = (items: number, written: number): void => {
    const leftMs = ((steadyClock.now() - startedMs) / items) * (total - items);
    show(`${count(items)} of ${plural(total, "question")} · ${bytes(written)} · ${duration(leftMs)} left`);
  };
  const options = { formats: format, shardBytes: shardMb * megabyte, license, release, selection, signal };
  const pictures = { keepMetadata, maxPixels: maxPixels ?? null };
  try {
    await exportCurriculum(out, selected, runs.map(runFacts), { ...options, ...pictures, onProgress });
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? diskError(out, error) : error;
  }
}

function reportOf({ candidates, items, rejected, contaminated }: Selected): string {
  const images = new Set(items.map(({ image }) => image)).size;
  const splits = new Map<string, number>();
  for (const { split } of items) splits.set(split, (splits.get(split) ?? 0) + 1);
  return [
    `${plural(candidates, "question")} with an answer`,
    ...Object.entries(rejected).map(([reason, left]) => `  ${count(left)} left out: ${reason}`),
    `${count(items.length)} selected, on ${plural(images, "image")}`,
    ...[...splits].map(([split, own]) => `  ${split}: ${count(own)}`),
    ...contaminated.slice(0, 20).map(({ imageName, question }) => `  dropped ${imageName}: ${question}`),
  ].join("\n");
}
