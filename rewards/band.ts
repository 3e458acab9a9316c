/** Which confidences a curriculum keeps, bounds included; "none" keeps all (a control experiment). */
export type ConfidenceBand = { readonly low: number; readonly high: number } | "none";

/** The band of the paper (VisPlay, arXiv 2511.15661): neither trivial nor hopeless. */
export const paperBand: ConfidenceBand = { low: 0.25, high: 0.75 };

/** Whether a confidence (the majority's share, in [0, 1]) lies in the band. */
export function inBand(confidence: number, band: ConfidenceBand): boolean {
  return band === "none" || (confidence >= band.low && confidence <= band.high);
}
