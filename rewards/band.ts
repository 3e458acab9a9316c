/** Which confidences a curriculum keeps, bounds included. */
export interface ConfidenceBand {
  readonly low: number;
  readonly high: number;
}

/** Whether a confidence (the majority's share, in [0, 1]) lies in the band. */
export function inBand(confidence: number, { low, high }: ConfidenceBand): boolean {
  return confidence >= low && confidence <= high;
}
