import { inParallel } from "../common/in_parallel.ts";
import { encodePng } from "../images/encode.ts";
import type { RgbImage } from "../images/image.ts";
import type { ImageFile } from "../images/source.ts";
import type { Prompt, ReadTurn } from "../policy/port.ts";
import { imagesIn, isImagePart } from "../policy/prompts.ts";
import type { ReasonerEpisode, SeenImage, TurnRecord } from "../replay/events.ts";
import { promptOf, type Start } from "../training/environment.ts";
import { fitTo, inMemory } from "./dialogue.ts";
import type { Step } from "./step.ts";

/** A task as it begins, and which it is. */
export interface OpenTask
  extends Pick<Start, "question" | "label" | "state">,
    Pick<ReasonerEpisode, "turns" | "tools"> {
  /** Its first picture, under the task's number. */
  readonly ref: SeenImage;
  readonly prompt: Prompt;
}

/** Tasks that begin at the same time. */
const OPENERS = 4;

/**
 * Begins tasks of the stage's environment, in the order given; one that cannot begin is noted and left out. `call` tells
 * calls of one step apart.
 */
export async function openTasks(step: Step, tasks: readonly number[], call: number): Promise<OpenTask[]> {
  const { environment, models, signal } = step.run;
  const fit = fitTo(models);
  const hasToolForm = models.reasoner?.hasToolForm ?? false;
  const attempts = await inParallel(tasks, OPENERS, async (task, place) => {
    const seed = step.seed("task", call * tasks.length + place);
    try {
      const start = await environment.reset(task, { seed, fit, hasToolForm, signal });
      return { task, start, file: await firstPicture(step, start), error: null };
    } catch (error) {
      return { task, start: null, file: null, error };
    }
  });
  // In the order given, whoever was faster; so are the failures noted.
  return attempts.flatMap(({ task, start, file, error }) => {
    if (start && file) {
      step.keep(file);
      const { question, label, state, name, tools = null } = start;
      const ref = { index: task, name, id: file.id };
      const turns = recordedTurns(step, start.turns, file);
      return [{ question, label, state, ref, turns, tools, prompt: promptOf(start) }];
    }
    step.fail("load", { index: task, name: `${environment.name}, task ${task}` }, error);
    return [];
  });
}

/** The file of what a task shows first. */
async function firstPicture(step: Step, { file, turns }: Start): Promise<ImageFile> {
  if (file) return step.run.holds(file) ? file : inMemory(file);
  const [picture] = imagesIn(turns);
  if (picture) return drawnFile(picture);
  throw new RangeError("a task without a picture");
}

function drawnFile(image: RgbImage): ImageFile {
  return { id: image.id, extension: "png", bytes: () => encodePng(image) };
}

/** A prompt's turns as the replay keeps them, their first image as `first`; null where they are that image with a text. */
export function recordedTurns(
  step: Step,
  turns: readonly ReadTurn[],
  first: Pick<ImageFile, "id">,
): TurnRecord[] | null {
  return isPlain(turns) ? null : turnRecords(step, turns, first);
}

/** Turns as the replay keeps them; their images are kept with the step, but for the first one where that is `first`. */
export function turnRecords(
  step: Step,
  turns: readonly ReadTurn[],
  first: Pick<ImageFile, "id"> | null = null,
): TurnRecord[] {
  const ids = imagesIn(turns).map((image, i) => {
    if (i === 0 && first) return first.id;
    const file = drawnFile(image);
    step.keep(file);
    return file.id;
  });
  let shown = 0;
  return turns.map(({ role, parts }) => ({
    role,
    parts: parts.map((part) => (isImagePart(part) ? { image: ids[shown++] as string } : part)),
  }));
}

/** Whether turns are no more than one picture with a text about it. */
function isPlain([turn, ...others]: readonly ReadTurn[]): boolean {
  const [image, text, ...more] = turn?.parts ?? [];
  const isAbout = typeof image === "object" && typeof text === "string";
  return others.length === 0 && turn?.role === "user" && isAbout && more.length === 0;
}
