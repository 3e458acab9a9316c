/** Numbers and times as they are shown everywhere: the same digits in a column. */
import type { Estimate } from "../replay/events.ts";

export { count as whole, duration, plural } from "../common/format.ts";

export function decimal(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? (0).toFixed(digits) : text).replace("-", "−");
}

/** With its sign, unless it is 0. */
export function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${decimal(value)}`;
}

/** As few digits as tell it: 0.00012 is 1.2e-4. */
export function brief(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0 || Number.isInteger(value)) return value.toLocaleString("en-US").replace("-", "−");
  const size = Math.abs(value);
  const text = size < 0.001 ? value.toExponential(1) : size < 10 ? value.toPrecision(3) : value.toFixed(1);
  return text.replace("-", "−");
}

export function percent(share: number | null | undefined, digits = 0): string {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)}%`;
}

/** A figure with its 95% interval. */
export function interval({ percent, low, high }: Estimate): string {
  return `${decimal(percent, 1)}%, 95% between ${decimal(low, 1)} and ${decimal(high, 1)}`;
}

export function moment(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * A text of a model's as it can be shown: what turns the direction of writing, and what cannot be seen, is written as an
 * escape, so that it neither hides nor moves what stands around it.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, (character) =>
    character === "\n" ? "\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const names: Readonly<Record<string, string>> = {
  questionerVersion: "Questioner's version",
  reasonerVersion: "Reasoner's version",
  failedCalls: "failed calls",
  verified: "votes verified by tools",
  falseAccepts: "false accepts of the gate",
  unearned: "reward that they earned",
  gradientNorm: "gradient norm",
  learningRate: "learning rate",
  clipFraction: "clip fraction",
  samplerGap: "gap to the sampler",
  samplerKl: "KL of the sampler",
  parseFailures: "parse failures",
  clusterShare: "cluster share",
  tokensPerSecond: "tokens per second",
  kl: "KL",
  duplicateShare: "duplicate share",
};

/** A figure's name for people. */
export function figureName(name: string): string {
  const [kind, own] = name.includes(":") ? name.split(/:(.*)/s) : ["", name];
  const shown = names[own as string] ?? visible(own as string);
  if (kind === "check") return `passes ${shown}`;
  if (kind === "fault") return `faults, ${shown}`;
  if (kind === "failure") return `failures, ${shown}`;
  if (kind === "cause") return `cause: ${shown}`;
  return shown;
}

/** Numbers in order, those that follow each other as one: "3, 17–25"; of many the first. */
export function numberRanges(numbers: readonly number[], most = 8): string {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  const shown = ranges
    .slice(0, most)
    .map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return [...shown, ...(ranges.length > most ? ["…"] : [])].join(", ");
}

/** Parts of a reward, each with its name. */
export function partsText(parts: Readonly<Record<string, number>>): string[] {
  return Object.entries(parts).map(([name, value]) => `${visible(name)} ${brief(value)}`);
}
