import type { EpisodeAnswer } from "./answers.ts";

/** All that a file holds which is opened without a server. */
export interface FileContent {
  /** Answers by the paths that the page asks for. */
  readonly answers: Readonly<Record<string, unknown>>;
  /** Without their kin, which is whatever else the file holds about their image. */
  readonly episodes: readonly EpisodeAnswer[];
  /** Data addresses of images, by content. */
  readonly images: Readonly<Record<string, string>>;
}

/** Some of it: a file is written part by part. */
export type FilePart = Partial<FileContent>;

export function contentOf(parts: readonly FilePart[]): FileContent {
  return {
    answers: Object.assign({}, ...parts.map(({ answers }) => answers)),
    episodes: parts.flatMap(({ episodes = [] }) => episodes),
    images: Object.assign({}, ...parts.map(({ images }) => images)),
  };
}
