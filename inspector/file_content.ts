import type { EpisodeAnswer } from "./answers.ts";

/** All that a file holds which is opened without a server. */
export interface FileContent {
  /** Answers by the paths that the page asks for. */
  readonly answers: Readonly<Record<string, unknown>>;
  readonly episodes: readonly EpisodeAnswer[];
  /** Data addresses of images, by content. */
  readonly images: Readonly<Record<string, string>>;
}
