import { type Command, Option } from "commander";
import { VisplayError } from "../common/errors.ts";
import { visible } from "../inspector/format.ts";
import { configOf } from "../inspector/overview.ts";
import { groupText, placeText } from "../inspector/terminal/group.ts";
import { pictureText } from "../inspector/terminal/picture.ts";
import {
  coloursOf,
  type PictureForm,
  pictureFormOf,
  pictureForms,
} from "../inspector/terminal/picture_form.ts";
import { tolerant } from "../replay/damage.ts";
import { ReplayReader } from "../replay/reader.ts";
import { imagesInTurns, promptTurnsOf } from "../replay/turns.ts";
import { count } from "./format.ts";
import { draw, isTerminal, print, printLines, screenWidth } from "./terminal.ts";

interface ShowFlags {
  readonly json?: true;
  readonly answers?: true;
  readonly pictures?: PictureForm;
}

/** Adds `visplay replay show`: one episode, whole. */
export function addReplayShow(replay: Command): void {
  replay
    .command("show")
    .argument("<run>", "the run's folder")
    .argument("<episode>", "its number, as `visplay replay list` shows it")
    .description(
      "show an episode: its picture, what was asked and answered, votes, rewards and how they add up",
    )
    .option("--answers", "also what was said for each vote")
    .option("--json", "as one line of JSON, with tokens and log-probabilities")
    .addOption(
      new Option(
        "--pictures <form>",
        "how to draw the picture (default: as the terminal can, none to a pipe)",
      ).choices(pictureForms),
    )
    .action(show);
}

async function show(folder: string, episode: string, flags: ShowFlags): Promise<void> {
  using reader = ReplayReader.open(folder);
  const id = Number(episode);
  const found = tolerant(() => (Number.isInteger(id) && id > 0 ? reader.episode(id) : undefined));
  if (found === undefined) throw noEpisode(reader, episode);
  if (flags.json) {
    if (found instanceof VisplayError) throw found;
    await printLines([JSON.stringify(found)]);
    return;
  }
  const [head] = reader.heads([id]);
  if (head) {
    print(placeText(head, screenWidth()));
    const shown = found instanceof VisplayError ? [head.image.id] : imagesInTurns(promptTurnsOf(found.event));
    await showPictures(reader, shown, flags.pictures);
  }
  if (found instanceof VisplayError) throw found;
  showGroup(reader, found, flags.answers ?? false);
}

/** Draws pictures, each of several under its name. */
async function showPictures(
  reader: ReplayReader,
  ids: readonly string[],
  wanted: PictureForm | undefined,
): Promise<void> {
  const form = wanted ?? pictureFormOf(process.env, isTerminal());
  if (form === "none") return;
  const picture = { form, colours: coloursOf(process.env) ?? "256", columns: screenWidth() } as const;
  for (const [i, id] of ids.entries()) {
    if (ids.length > 1) print(`picture ${i + 1} of ${ids.length}: ${visible(id)}`);
    try {
      const path = reader.image(id);
      if (path === undefined) throw new VisplayError("images", "it was not stored");
      draw(await pictureText(path, picture));
    } catch (error) {
      if (!(error instanceof VisplayError)) throw error;
      print(`the picture cannot be shown: ${error.message}`);
    }
  }
}

function showGroup(
  reader: ReplayReader,
  { event }: NonNullable<ReturnType<ReplayReader["episode"]>>,
  says: boolean,
): void {
  print(`\n${groupText(event, { width: screenWidth(), config: configOf(reader), says })}`);
}

/** Says which episodes there are. */
function noEpisode(reader: ReplayReader, found: string): VisplayError {
  const ids = reader.order({ superseded: "include", sort: { by: "time", order: "ascending" } });
  const [first, last] = [ids[0], ids.at(-1)];
  const have =
    first === undefined || last === undefined
      ? "the run has recorded none yet"
      : `there are ${count(ids.length)}, with numbers from ${first} to ${last}${nearText(ids, Number(found))}`;
  return new VisplayError("usage", `${reader.folder}: ${found} is no episode; ${have}`);
}

/** The episodes before and after a number. */
function nearText(ids: Uint32Array, id: number): string {
  const after = ids.findIndex((other) => other > id);
  return after > 0 ? `, the nearest ${ids[after - 1]} and ${ids[after]}` : "";
}
