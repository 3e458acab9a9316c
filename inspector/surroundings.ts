import type { FunctionRecord, TurnRecord } from "../replay/events.ts";
import type { Exporting, Sight } from "./answers.ts";

/** What the inspector is given by who starts it: the replay alone cannot know it. */
export interface Surroundings {
  /** How the run of a folder is, by its heartbeat; null where it has none. */
  condition(folder: string): Promise<string | null>;
  /** How the curriculum of a run's folder is taken out. */
  exporting(folder: string): Exporting;
  /** An image file as browsers show it, no wider and no higher than `size`; the file itself where that is null. */
  picture(path: string, size: number | null): Promise<Picture>;
  /** How the run's model writes each of these completions, token by token; null where its tokenizer is not there. */
  pieces(config: unknown, completions: readonly (readonly number[])[]): Promise<string[][] | null>;
  /** A prompt, and the tools that it is told with, in the chat template of the run's model; null where that is not there. */
  template(
    config: unknown,
    turns: readonly TurnRecord[],
    tools: readonly FunctionRecord[],
  ): Promise<string | null>;
  /** What the run's model sees of a picture of this size; null where the model is not there. */
  sight(config: unknown, size: { readonly width: number; readonly height: number }): Promise<Sight | null>;
}

export interface Picture {
  readonly bytes: Uint8Array;
  /** Its media type. */
  readonly type: string;
}
