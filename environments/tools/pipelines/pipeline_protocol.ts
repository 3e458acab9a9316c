import type { RgbImage } from "../../../images/image.ts";

/** What a model can do with a picture, and what transformers.js calls that. */
export const pipelineTasks = {
  detect: "object-detection",
  classify: "image-classification",
  caption: "image-to-text",
} as const;
export type PipelineKind = keyof typeof pipelineTasks;

/** What a picture shows, and how sure that is (0 to 1). */
export interface Label {
  readonly label: string;
  readonly score: number;
}

export interface DetectedObject extends Label {
  /** Left, top, right and bottom, in pixels. */
  readonly box: readonly [number, number, number, number];
}

/** What the thread of a model does: what its kind says, and nothing else. */
export interface PipelineThread {
  /** Throws a `VisplayError` of code "model" where the folder has no model for it. */
  open(kind: PipelineKind, folder: string, setting: string): Promise<void>;
  /** Those of at least that score. */
  detect(image: RgbImage, threshold: number): Promise<readonly DetectedObject[]>;
  /** The likeliest, at most so many. */
  classify(image: RgbImage, most: number): Promise<readonly Label[]>;
  caption(image: RgbImage): Promise<string>;
  close(): void;
}
