import { setFlagsFromString } from "node:v8";
import { type Command, InvalidArgumentError, Option } from "commander";
import { steadyClock } from "../common/clock.ts";
import { diskError } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import type { RunFacts } from "../data/export/card.ts";
import { exportCurriculum } from "../data/export/export.ts";
import { type Format, formats } from "../data/export/formats.ts";
import type { CurriculumRecord } from "../data/export/record.ts";
import { type Selected, type Selection, select } from "../data/export/selection.ts";
import { parseHubName } from "../hub/name.ts";
import type { HubTarget } from "../hub/push.ts";
import { defaultLimits, readImage } from "../images/decode.ts";
import { perceptualHash } from "../images/perceptual_hash.ts";
import { recordsOf, runFacts } from "./curriculum_records.ts";
import { damageLines } from "./damage_lines.ts";
import { bytes, count, duration, plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { requireNewFolder } from "./new_output.ts";
import { oneOf, positive } from "./option_values.ts";
import { pushExport, requirePush } from "./push_export.ts";
import { addSelection } from "./selection_options.ts";
import { print, say } from "./terminal.ts";
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
  readonly push?: HubTarget["repo"];
  readonly public: boolean;
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
        .argParser(oneOf("--format", formats)),
    )
    .option("--out <folder>", "where to write it; several formats get a folder each")
    .addOption(
      new Option("--push <owner/name>", "also upload it as a data set on the hub (needs HF_TOKEN)").argParser(
        hubRepo,
      ),
    )
    .option("--public", "with --push: anybody may see it; else it is private", false)
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

function hubRepo(text: string): string {
  const name = parseHubName(text);
  if (name?.revision === "main" && !text.includes("@")) return name.repo;
  throw new InvalidArgumentError("expected owner/name");
}

/** Where a long job stands. */
interface Progress {
  readonly signal: AbortSignal;
  show(text: string): void;
  say(text: string): void;
}

async function run(runs: readonly string[], flags: Flags, selection: Selection): Promise<void> {
  requireFlags(flags, selection);
  const { format = [], out, dryRun, push, public: isPublic } = flags;
  const target = push === undefined ? null : { repo: push, isPublic };
  if (out !== undefined && !dryRun) await requireNewFolder(out);
  // Records stay and all else is garbage at once: V8 would let the heap grow to several times what is in use.
  setFlagsFromString("--heap-growing-percent=30");
  using interrupt = interruptible();
  const { selected, damaged } = await showing(async (shown) => {
    const progress = { ...shown, signal: interrupt.signal };
    if (target && !dryRun) await requirePush(target, progress);
    const found = await selectFrom(runs, flags, selection, progress);
    if (dryRun || out === undefined) return found;
    requireItems(found.selected);
    await write(out, found, flags, selection, progress);
    if (target) await pushExport(out, target, progress);
    return found;
  });
  for (const line of damageLines(damaged)) say(line);
  print(reportOf(selected));
  if (!dryRun) print(`${out}: ${plural(selected.items.length, "question")} for ${format.join(", ")}`);
}

/** Throws "usage" where some are missing, or do not go together. */
function requireFlags(
  { format, out, dryRun, push, public: isPublic }: Flags,
  { balance, max }: Selection,
): void {
  const refuse = (found: string): never => {
    throw new VisplayError("usage", found);
  };
  if (!dryRun && format === undefined) refuse("found no --format; expected it, or --dry-run");
  if (!dryRun && out === undefined) refuse("found no --out; expected it, or --dry-run");
  if (balance && max === null) refuse("--balance: found no --max, expected how many questions it is to fill");
  if (push !== undefined && format && format.length > 1)
    refuse(`--push: found ${format.length} formats, expected one: a data set on the hub has one card`);
  if (isPublic && push === undefined) refuse("--public: found no --push, expected what is to be public");
}

async function showing<T>(work: (progress: Omit<Progress, "signal">) => Promise<T>): Promise<T> {
  let done = "reading the replay";
  using line = new LiveLine(() => done);
  const show = (text: string): void => {
    done = text;
  };
  return work({ show, say: (text) => line.say(text) });
}

interface Found {
  readonly selected: Selected;
  readonly facts: readonly RunFacts[];
  /** What of the runs cannot be read. */
  readonly damaged: readonly string[];
}

async function selectFrom(
  runs: readonly string[],
  { decontaminate, decontaminateQuestions }: Flags,
  selection: Selection,
  progress: Progress,
): Promise<Found> {
  const records: CurriculumRecord[] = [];
  const facts: RunFacts[] = [];
  const damaged: string[] = [];
  const onDamage = (what: string): void => {
    damaged.push(what);
  };
  for (const [runIndex, folder] of runs.entries()) {
    const before = records.length;
    facts.push(runFacts(folder, onDamage));
    for (const record of recordsOf(folder, { runIndex, taught: selection.agreement !== null, onDamage })) {
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
  return { selected: await select(records, selection, look, tests), facts, damaged };
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
  { selected, facts, damaged }: Found,
  { format = [], maxPixels, keepMetadata, license, shardMb }: Flags,
  selection: Selection,
  { signal, show, say }: Progress,
): Promise<void> {
  const startedMs = steadyClock.now();
  const total = selected.items.length;
  const onProgress = (items: number, written: number): void => {
    const leftMs = ((steadyClock.now() - startedMs) / items) * (total - items);
    show(`${count(items)} of ${plural(total, "question")} · ${bytes(written)} · ${duration(leftMs)} left`);
  };
  const options = {
    formats: format,
    shardBytes: shardMb * megabyte,
    license,
    release,
    selection,
    damaged,
    signal,
  };
  const pictures = { keepMetadata, maxPixels: maxPixels ?? null };
  try {
    await exportCurriculum(out, selected, facts, { ...options, ...pictures, say, onProgress });
  } catch (error) {
    // Another one may have been written there meanwhile.
    if ((error as NodeJS.ErrnoException).syscall === "rename") await requireNewFolder(out);
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
