import { VisplayError } from "../common/errors.ts";
import type { FormatTried } from "../replay/events.ts";
import type { RunConfig } from "./config/config.ts";
import { unaskedSteps } from "./config/start.ts";

/** Shares of questions, and of answers, that must be read for a run to make sense, and for it to need no warm-up. */
const LEAST = 1 / 4;
const ENOUGH = 1 / 2;

/** Steps of the warm-up, where its configuration leaves them to the trial. */
export function warmUpStepsAfter([configured]: readonly FormatTried[], { warmUp }: RunConfig): number {
  return warmUp.steps ?? (isReadable(configured, ENOUGH) ? 0 : unaskedSteps);
}

function isReadable(tried: FormatTried | undefined, share: number): boolean {
  return tried === undefined || leastShare(tried) >= share;
}

/** Whether a warm-up would find plain words to imitate, as far as that was tried. */
export function isTeachable(formats: readonly FormatTried[]): boolean {
  const plain = formats.find(({ format }) => format === "plain");
  return isReadable(plain, LEAST);
}

/** Throws a `VisplayError` of code "config", with the setting to change, where too little can be read. */
export function requireReadable(formats: readonly FormatTried[]): void {
  const [configured, ...others] = formats;
  if (!configured || isReadable(configured, LEAST)) return;
  const best = others.reduce((a, b) => (leastShare(b) > leastShare(a) ? b : a), configured);
  const { questions, answers } = configured;
  const poor = answers.found / answers.of < questions.found / questions.of ? answers : questions;
  const teach = isTeachable(formats) ? "teach the form with warmUp.steps (20, say), or " : "";
  const remedy =
    leastShare(best) < LEAST
      ? `${teach}change the model, prompts or maxTokens`
      : `${teach}set format to ${best.format} (${countsText(best)})`;
  throw new VisplayError(
    "config",
    `format ${configured.format}: ${countsText(configured)} can be read, expected a quarter of each; ${remedy}. What could not be read: ${JSON.stringify(poor.unread?.slice(0, 300))}`,
  );
}

function leastShare({ questions, answers }: FormatTried): number {
  return Math.min(questions.found / Math.max(1, questions.of), answers.found / Math.max(1, answers.of));
}

function countsText({ questions, answers }: FormatTried): string {
  return `${questions.found} of ${questions.of} questions and ${answers.found} of ${answers.of} answers`;
}
