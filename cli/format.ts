export { count, duration, plural } from "../common/format.ts";

/** "532 kB", "1.2 GB". */
export function bytes(value: number): string {
  const unit = ["B", "kB", "MB", "GB", "TB"] as const;
  const power = Math.min(unit.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power > 0 && scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${unit[power]}`;
}
