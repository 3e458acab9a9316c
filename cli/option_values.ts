import { InvalidArgumentError } from "commander";
import { VisplayError } from "../common/errors.ts";

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

/** One of some names, where the option may be repeated: all that were given, each once. Throws "usage" for another. */
export function oneOf<T extends string>(
  option: string,
  known: readonly T[],
): (text: string, before?: readonly T[]) => T[] {
  return (text, before = []) => {
    const found = known.find((name) => name === text);
    if (found) return [...new Set([...before, found])];
    throw new VisplayError("usage", `${option}: found ${text}, expected one of ${known.join(", ")}`);
  };
}

/** Names between commas. */
export function names(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** A number from 0. */
export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number from 0");
}
