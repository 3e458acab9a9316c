import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { VisplayError } from "../../common/errors.ts";
import { writeOutput } from "./output_file.ts";
import { type PictureOptions, readPicture } from "./picture.ts";
import type { NamedPicture, RowWriter, Written } from "./row.ts";
import { writeFolder } from "./staging.ts";
import { type Trajectory, type TrajectorySelection, whyLeftOut } from "./trajectory.ts";
import {
  type TrajectoryFormat,
  type TrajectoryRow,
  type TrajectoryRules,
  trajectoryRules,
} from "./trajectory_formats.ts";

export interface TrajectoryOptions extends PictureOptions {
  readonly formats: readonly TrajectoryFormat[];
  readonly selection: TrajectorySelection;
  /** What of the run could not be read, and is left out; it may grow while trajectories are. */
  readonly damaged: readonly string[];
  /** A file of rows is full at about so many bytes. */
  readonly shardBytes: number;
  readonly license: string;
  readonly release: string;
  readonly signal: AbortSignal;
  /** Takes a line that stays. */
  readonly say: (line: string) => void;
  /** Trajectories looked at so far. */
  readonly onProgress: (done: number) => void;
}

/** What an export of trajectories came to. */
export interface ExportedTrajectories {
  readonly candidates: number;
  readonly exported: number;
  /** How many were left out, by the reason. */
  readonly rejected: Readonly<Record<string, number>>;
}

/** All rows are of one split. */
const split = "train";

/** Pictures of a group are those of its task; more are read again. */
const PICTURES_HELD = 64;

/** Says how many trajectories a selection takes, and writes nothing. */
export function countTrajectories(
  trajectories: Iterable<Trajectory>,
  options: Pick<TrajectoryOptions, "formats" | "selection">,
): ExportedTrajectories {
  const counts = new Counts();
  for (const _ of selected(trajectories, options, counts)) counts.exported++;
  return counts;
}

/**
 * Writes trajectories as conversations, in all formats in one pass: into `folder` itself, or a folder of its own for each
 * where there are several. Throws "emptyCurriculum" where none is selected, "images" where a picture cannot be read, "disk" where
 * there is no room; nothing is left then.
 */
export async function exportTrajectories(
  folder: string,
  trajectories: Iterable<Trajectory>,
  options: TrajectoryOptions,
): Promise<ExportedTrajectories> {
  const write = async (staging: string): Promise<ExportedTrajectories> => {
    const sets = options.formats.map((format) => new TrajectorySet(format, staging, options));
    for (const set of sets) await mkdir(set.folder, { recursive: true });
    try {
      const counts = await writeRows(trajectories, sets, options);
      if (counts.exported === 0) throw nothingSelected(counts);
      for (const set of sets) await set.finish(counts, options);
      return counts;
    } finally {
      for (const { writer } of sets) await writer[Symbol.asyncDispose]();
    }
  };
  return writeFolder(folder, write, options.say);
}

function nothingSelected({ candidates, rejected }: ExportedTrajectories): VisplayError {
  const reasons = Object.entries(rejected).map(([why, count]) => `${count} for ${why}`);
  const found = `found no trajectory among ${candidates} that the selection takes`;
  const remedy = candidates === 0 ? "expected a run with a stage of kind environment" : "widen it";
  const why = reasons.length > 0 ? ` (left out: ${reasons.join(", ")})` : "";
  return new VisplayError("emptyCurriculum", `${found}${why}; ${remedy}`);
}

class Counts implements ExportedTrajectories {
  candidates = 0;
  exported = 0;
  readonly rejected: Record<string, number> = {};

  /** Counts one, and says whether it is left out. */
  leavesOut(why: string | null): boolean {
    this.candidates++;
    if (why !== null) this.rejected[why] = (this.rejected[why] ?? 0) + 1;
    return why !== null;
  }
}

function* selected(
  trajectories: Iterable<Trajectory>,
  { formats, selection }: Pick<TrajectoryOptions, "formats" | "selection">,
  counts: Counts,
): Generator<Trajectory> {
  const tagged = formats.some((format) => trajectoryRules[format].tagged);
  for (const trajectory of trajectories)
    if (!counts.leavesOut(whyLeftOut(trajectory, selection, tagged))) yield trajectory;
}

async function writeRows(
  trajectories: Iterable<Trajectory>,
  sets: readonly TrajectorySet[],
  options: TrajectoryOptions,
): Promise<Counts> {
  const counts = new Counts();
  const pictureOf = pictureReader(options);
  for (const trajectory of selected(trajectories, options, counts)) {
    options.signal.throwIfAborted();
    const pictures: NamedPicture[] = [];
    for (const { id, file } of trajectory.images) pictures.push(await pictureOf(id, file as string));
    await Promise.all(sets.map(({ writer }) => writer.add({ item: { split }, trajectory, pictures })));
    counts.exported++;
    options.onProgress(counts.candidates);
  }
  return counts;
}

function pictureReader(options: PictureOptions): (id: string, file: string) => Promise<NamedPicture> {
  const held = new Map<string, NamedPicture>();
  return async (id, file) => {
    const known = held.get(id);
    if (known) return known;
    const picture = await readPicture(file, options);
    const named = { picture, fileName: `${id}.${picture.extension}` };
    held.set(id, named);
    const [oldest] = held.keys();
    if (held.size > PICTURES_HELD && oldest !== undefined) held.delete(oldest);
    return named;
  };
}

/** One format's folder. */
class TrajectorySet {
  readonly folder: string;
  readonly writer: RowWriter<TrajectoryRow>;
  readonly #format: TrajectoryFormat;
  readonly #rules: TrajectoryRules;

  constructor(format: TrajectoryFormat, staging: string, { formats, shardBytes }: TrajectoryOptions) {
    this.folder = formats.length > 1 ? join(staging, format) : staging;
    this.#format = format;
    this.#rules = trajectoryRules[format];
    this.writer = this.#rules.open(this.folder, shardBytes);
  }

  /** Ends the rows, and says what they are. */
  async finish(counts: ExportedTrajectories, options: TrajectoryOptions): Promise<void> {
    const written = await this.writer.finish();
    await writeOutput(join(this.folder, "README.md"), card(this.#rules, counts, options));
    const manifest = `${JSON.stringify(this.#manifest(written, counts, options), null, 2)}\n`;
    await writeOutput(join(this.folder, "trajectories.json"), manifest);
  }

  #manifest(written: Written, counts: ExportedTrajectories, options: TrajectoryOptions): object {
    const { release, selection, license, keepMetadata, maxPixels, damaged } = options;
    const { candidates, exported, rejected } = counts;
    return {
      format: this.#format,
      visplay: release,
      license,
      selection,
      pictures: { keepMetadata, maxPixels },
      counts: { candidates, exported, rejected },
      damaged,
      ...written,
    };
  }
}

/** A dataset card, as the Hugging Face hub reads it. */
function card(
  { reader, filesOf }: TrajectoryRules,
  { exported, candidates }: ExportedTrajectories,
  { license }: TrajectoryOptions,
): string {
  const head = {
    license,
    pretty_name: "VisPlay trajectories",
    tags: ["visplay", "conversational"],
    configs: [{ config_name: "default", data_files: [{ split, path: filesOf(split) }] }],
  };
  return [
    `---\n${stringify(head)}---`,
    "",
    "# VisPlay trajectories",
    "",
    "What a vision-language model did in environments while it learned there: what it read, what it said, and what that",
    "earned. No person has written or checked it.",
    "",
    `For ${reader}. ${exported} of ${candidates} trajectories were selected; \`trajectories.json\` says how, and has the`,
    "SHA-256 of every file.",
    "",
  ].join("\n");
}
