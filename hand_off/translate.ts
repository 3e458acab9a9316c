import type { Phase, Trainer } from "./phase.ts";
import { settings } from "./settings.ts";

/** A trainer's configuration, nested as its file has it. */
export interface TrainerConfig {
  readonly [name: string]: unknown;
}

export interface Translation {
  /** What a trainer is told, by its own dotted names. */
  readonly told: Readonly<Record<string, unknown>>;
  /** What it does otherwise or not at all, by the names of our settings. */
  readonly unlike: Readonly<Record<string, string>>;
}

/** A phase's settings in a trainer's words. */
export function translate(phase: Phase, trainer: Trainer): Translation {
  const told: Record<string, unknown> = {};
  const unlike: Record<string, string> = {};
  for (const [name, row] of Object.entries(settings)) {
    const { to, unlike: difference } = row[trainer];
    for (const [theirs, value] of Object.entries(to)) {
      const said = value(phase);
      if (said !== undefined) told[theirs] = said;
    }
    const found = difference(phase);
    if (found !== null) unlike[name] = found;
  }
  return { told, unlike };
}

/** Dotted names as nested objects. */
export function nested(dotted: Readonly<Record<string, unknown>>): TrainerConfig {
  const config: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(dotted)) {
    const names = path.split(".");
    const last = names.pop() as string;
    let inner = config;
    for (const name of names) {
      inner[name] ??= {};
      inner = inner[name] as Record<string, unknown>;
    }
    inner[last] = value;
  }
  return config;
}
