import { InvalidArgumentError } from "commander";

/** A whole number from 0, as an option's value. */
export function whole(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 0");
}

/** A whole number from 1. */
export function positive(text: string): number {
  const value = whole(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("expected a whole number from 1");
}

/** Names between commas. */
export function names(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}
