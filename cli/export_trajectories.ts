import { type Command, Option } from "commander";
import { diskError } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import {
  countTrajectories,
  type ExportedTrajectories,
  exportTrajectories,
} from "../data/export/export_trajectories.ts";
import {
  type Trajectory,
  type TrajectoryEnd,
  type TrajectorySelection,
  trajectoryEnds,
} from "../data/export/trajectory.ts";
import { type TrajectoryFormat, trajectoryFormats } from "../data/export/trajectory_formats.ts";
import { rangeOf } from "../inspector/filters.ts";
import type { EpisodeQuery, Range } from "../replay/query.ts";
import { damageLines } from "./damage_lines.ts";
import { addFilters } from "./episode_filters.ts";
import { count } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { requireNewFolder } from "./new_output.ts";
import { oneOf, positive } from "./option_values.ts";
import { print, say } from "./terminal.ts";
import { trajectoriesOf } from "./trajectory_records.ts";

interface Flags {
  readonly format?: readonly TrajectoryFormat[];
  readonly out?: string;
  readonly reward?: string;
  readonly end?: readonly TrajectoryEnd[];
  readonly maxPixels?: number;
  readonly keepMetadata: boolean;
  readonly license: string;
  readonly shardMb: number;
  readonly dryRun: boolean;
}

/** Those that somebody would learn from, unless it is said otherwise. */
const usualEnds: readonly TrajectoryEnd[] = ["success", "done", "turns"];

/** Adds `visplay export-trajectories`: what a run did in environments, as conversations that other trainers read. */
export function addExportTrajectories(program: Command): void {
  const command = program
    .command("export-trajectories")
    .argument("<run>", "the run's folder")
    .description("write what a run's model said and read in environments as conversations for other trainers")
    .addOption(
      new Option("--format <format>", "who is to read it; may be repeated: one pass writes all")
        .choices(trajectoryFormats)
        .argParser(oneOf("--format", trajectoryFormats)),
    )
    .option("--out <folder>", "where to write it; several formats get a folder each")
    .option("--dry-run", "write nothing; say how many trajectories are left out, and why", false)
    .option("--reward <low..high>", "a trajectory's own reward, such as 0.5.. (--where is about a group's)")
    .addOption(
      new Option("--end <how>", "how it ended; may be repeated (default: all but fault)")
        .choices(trajectoryEnds)
        .argParser(oneOf("--end", trajectoryEnds)),
    );
  const query = addFilters(command);
  command
    .option("--max-pixels <n>", "scale larger pictures down to so many pixels", positive)
    .option("--keep-metadata", "keep EXIF, GPS and the like in the pictures' files", false)
    .option("--license <id>", "licence that the card names, such as cc-by-4.0", "unknown")
    .option("--shard-mb <n>", "size of a file of rows (MB)", positive, 500)
    .action((folder: string, flags: Flags) => run(folder, flags, query()));
}

async function run(folder: string, flags: Flags, query: EpisodeQuery): Promise<void> {
  const { format: formats = [], out, dryRun } = flags;
  if (!dryRun && formats.length === 0)
    throw new VisplayError("usage", "found no --format; expected it, or --dry-run");
  if (!dryRun && out === undefined)
    throw new VisplayError("usage", "found no --out; expected it, or --dry-run");
  const selection: TrajectorySelection = { ends: flags.end ?? usualEnds, reward: rewardRange(flags.reward) };
  const damaged: string[] = [];
  const trajectories = trajectoriesOf(folder, query, (what) => damaged.push(what));
  if (dryRun || out === undefined) print(reportOf(countTrajectories(trajectories, { formats, selection })));
  else {
    await requireNewFolder(out);
    const found = { trajectories, damaged };
    const exported = await write(out, found, { ...flags, format: formats }, selection);
    print(reportOf(exported));
    print(`${out}: ${trajectoryCount(exported.exported)} for ${formats.join(", ")}`);
  }
  for (const line of damageLines(damaged)) say(line);
}

function rewardRange(text: string | undefined): Range | null {
  if (text === undefined) return null;
  const range = rangeOf(text);
  if (!Object.values(range).some(Number.isNaN)) return range;
  throw new VisplayError(
    "usage",
    `--reward: found ${JSON.stringify(text)}, expected such as 0.5..1 or 0.5..`,
  );
}

interface Found {
  readonly trajectories: Iterable<Trajectory>;
  /** What of the replay cannot be read; it grows as they are. */
  readonly damaged: readonly string[];
}

async function write(
  out: string,
  { trajectories, damaged }: Found,
  { format = [], maxPixels, keepMetadata, license, shardMb }: Flags,
  selection: TrajectorySelection,
): Promise<ExportedTrajectories> {
  using interrupt = interruptible();
  let done = "reading the replay";
  using line = new LiveLine(() => done);
  try {
    return await exportTrajectories(out, trajectories, {
      formats: format,
      selection,
      damaged,
      shardBytes: shardMb * 1e6,
      license,
      release,
      keepMetadata,
      maxPixels: maxPixels ?? null,
      signal: interrupt.signal,
      say: (text) => line.say(text),
      onProgress: (looked) => {
        done = trajectoryCount(looked);
      },
    });
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? diskError(out, error) : error;
  }
}

function reportOf({ candidates, exported, rejected }: ExportedTrajectories): string {
  return [
    trajectoryCount(candidates),
    ...Object.entries(rejected).map(([reason, left]) => `  ${count(left)} left out: ${reason}`),
    `${count(exported)} selected`,
  ].join("\n");
}

function trajectoryCount(value: number): string {
  return `${count(value)} ${value === 1 ? "trajectory" : "trajectories"}`;
}
