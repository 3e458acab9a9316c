/** What a reader of a set has to say. */
export interface ReadReport {
  readonly rows: number;
  readonly open_seconds: number;
  readonly read_seconds: number;
  readonly cpu_seconds: number;
  /** Of the first rows that were read: question, answer, and the SHA-256 of the pixels. */
  readonly first: readonly (readonly [question: string, answer: string, pixels: string])[];
}
