import type { AttributionRecord } from "../replay/events.ts";
import { causeMeanings } from "../rewards/attribution.ts";

/** Where an answer went wrong, for people: "grounding: the picture was misread". */
export function causeText({
  cause,
  described,
  concluded,
}: Pick<AttributionRecord, "cause" | "described" | "concluded">): string {
  if (cause !== null) return meaningOf(cause) ? `${cause}: ${meaningOf(cause)}` : cause;
  if (described === null || concluded === null) return "where it went wrong cannot be said";
  return "seen and understood";
}

/** What a cause is, in words; undefined for one that is not known here. */
export function meaningOf(cause: string): string | undefined {
  return Object.hasOwn(causeMeanings, cause) ? causeMeanings[cause as keyof typeof causeMeanings] : undefined;
}

const standards: Readonly<Record<AttributionRecord["by"], string>> = {
  truth: "the truth",
  label: "the data's answer",
  consensus: "the consensus",
};

/** What was answered from a description alone, and what that was held against. */
export function conclusionText({
  conclusion,
  concluded,
  by,
}: Pick<AttributionRecord, "conclusion" | "concluded" | "by">): string {
  const answer = conclusion ?? "no vote";
  return concluded === null ? answer : `${answer}, ${concluded ? "right" : "wrong"} by ${standards[by]}`;
}

/** Whether a description is right, and what each that looked made of it, from 0 to 1. */
export function checksText({ described, checks }: Pick<AttributionRecord, "described" | "checks">): string[] {
  const found = Object.entries(checks).map(
    ([name, value]) => `${checkers[name] ?? name} ${value.toFixed(2)}`,
  );
  return [described === null ? "nobody could judge it" : described ? "right" : "wrong", ...found];
}

/** Who looks at a description. */
const checkers: Readonly<Record<string, string>> = { truth: "the truth", base: "the run's base" };
