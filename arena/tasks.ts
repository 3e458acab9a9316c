import { inParallel } from "../common/in_parallel.ts";
import { encodePng } from "../images/encode.ts";
import type { RgbImage } from "../images/image.ts";
import type { ImageFile } from "../images/source.ts";
import type { Prompt, ReadTurn } from "../policy/port.ts";
import { imagesIn, isImagePart } from "../policy/prompts.ts";
import type { ReasonerEpisode, SeenImage, TurnRecord } from "../replay/events.ts";
import type { Start } from "../training/environment.ts";
import { fitTo, inMemory } from "./dialogue.ts";
import type { Step } from "./step.ts";

/** A task as it begins, and which it is. */
export interface OpenTask
  extends Pick<Start, "question" | "label" | "state">,
    Pick<ReasonerEpisode, "turns"> {
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
  const attempts = await inParallel(tasks, OPENERS, async (task, place) => {
    const seed = step.seed("task", call * tasks.length + place);
    try {
      const start = await environment.reset(task, { seed, fit, signal });
      return { task, start, file: await firstPicture(step, start), error: null };
    } catch (error) {
      return { task, start: null, file: null, error };
    }
  });
  // In the order given, whoever was faster; so are the failures noted.
  return attempts.flatMap(({ task, start, file, error }) => {
    if (start && file) {
      step.keep(file);
      const { question, label, state, name } = start;
      const ref = { index: task, name, id: file.id };
      const turns = isPlain(start.turns) ? null : turnRecords(step, start.turns, file);
      return [{ question, label, state, ref, turns, prompt: { turns: start.turns } }];
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

/** Turns as the replay keeps them; their images are kept with the step, the first one as `first` where that is its file. */
export function turnRecords(
  step: Step,
  turns: readonly ReadTurn[],
  first: ImageFile | null = null,
): TurnRecord[] {
  const files = imagesIn(turns).map((image, i) => (i === 0 && first) || drawnFile(image));
  for (const file of files) step.keep(file);
  let shown = 0;
  return turns.map(({ role, parts }) => ({
    role,
    parts: parts.map((part) => (isImagePart(part) ? { image: (files[shown++] as ImageFile).id } : part)),
  }));
}

/** Whether turns are no more than one picture with a text about it. */
function isPlain([turn, ...others]: readonly ReadTurn[]): boolean {
  const [image, text, ...more] = turn?.parts ?? [];
  const isAbout = typeof image === "object" && typeof text === "string";
  return others.length === 0 && turn?.role === "user" && isAbout && more.length === 0;
}
