import type { CurriculumItem, RunEvent } from "./events.ts";

/** Where a run's events go. What `append` resolved for survives the end of the process. */
export interface EventLog {
  /** The number of the last event that was appended, counted from 1. */
  readonly position: number;
  /** All of the events, with the images that they name, or, if it rejects, none of them. */
  append(events: readonly RunEvent[], images?: readonly ReplayImage[]): Promise<void>;
  /** The items of a round's curriculum at these places in the order of their admission, counted from 0. */
  curriculum(round: number, places: readonly number[]): Promise<CurriculumItem[]>;
  /** The questions about each of these images, by content, that entered a curriculum of the run up to now. */
  admittedQuestions(images: readonly string[]): Promise<string[][]>;
}

/** An image to be kept beside the events that name it. */
export interface ReplayImage {
  /** Names its content; see `ImageFile` in images/source.ts. */
  readonly id: string;
  /** What its file's name ends with, without a dot. */
  readonly extension: string;
  /** The file's content; not asked for where the image is stored already. */
  bytes(): Promise<Uint8Array>;
}
