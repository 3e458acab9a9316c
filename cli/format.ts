/** "48 s", "4 min 10 s", "1 h 05 min". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** Whole numbers with thousands separated: "1,032,192". */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "532 kB", "1.2 GB". */
export function bytes(value: number): string {
  const unit = ["B", "kB", "MB", "GB", "TB"] as const;
  const power = Math.min(unit.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power > 0 && scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${unit[power]}`;
}

/** "1 image", "2 images". */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
