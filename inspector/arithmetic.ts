import type { PenaltyRecord } from "../replay/events.ts";
import { settingsOf } from "./stage_settings.ts";

/** How the parts of a reward make its total, as a person would write it down. */

export interface Term {
  /** The part's name; null for what only joins two. */
  readonly part: string | null;
  /** "×", "+" or the like, before the value. */
  readonly sign: string;
  readonly value: number | null;
}

export interface Sum {
  readonly terms: readonly Term[];
  /** What the terms come to; null where the way is not known here. */
  readonly total: number | null;
  /** Whether that is the reward that was recorded. */
  readonly addsUp: boolean;
}

type Parts = Readonly<Record<string, number>>;

/** Rewards are recorded as they were computed; only the order of additions may differ. */
const TOLERANCE = 1e-9;

/** The Questioner's reward, by the form that its configuration names; see `rewards/questioner.ts`. */
export function questionerSum(form: string, parsed: boolean, parts: Parts, reward: number | null): Sum {
  const { gate = 0, form: written = 1, uncertainty = 0, penalty = 0, confidence = 0, bonus = null } = parts;
  const terms: Term[] = [];
  const term = (part: string | null, sign: string, value: number | null) => terms.push({ part, sign, value });
  switch (form) {
    case "visplay": {
      term("gate", "", gate);
      term("form", "×", written);
      term(null, bonus === null ? "× max(0," : "× (max(0,", null);
      term("uncertainty", "", uncertainty);
      term("penalty", "−", penalty);
      term(null, ")", null);
      if (bonus !== null) {
        term("bonus", "+", bonus);
        term(null, ")", null);
      }
      return sum(terms, gate * written * (Math.max(0, uncertainty - penalty) + (bonus ?? 0)), reward);
    }
    case "visplay_code": {
      const minority = parsed ? Math.min(confidence, 1 - confidence) : -1;
      term(parsed ? "min(confidence, 1 − confidence)" : "no question", "", minority);
      term("penalty", "−", penalty);
      return sum(terms, minority - penalty, reward);
    }
    case "format_only":
      term("form", "", written);
      return sum(terms, written, reward);
    default:
      return weightedSum({}, parts, reward);
  }
}

/** The form of the Questioner's reward that a run's configuration names; empty where it names none. */
export function questionerForm(config: unknown): string {
  const { questioner } = (config ?? {}) as { questioner?: { reward?: { form?: string } } };
  return questioner?.reward?.form ?? "";
}

/**
 * The Reasoner's reward, by the weights that a run's configuration gives to its parts in a stage; what it gives none to, as
 * what tools cost and what a module of the user's own names, counts 1. What constraints took is no part, and stands behind them
 * or, where a hard one was violated, alone.
 */
export function reasonerSum(
  config: unknown,
  stage: string,
  parts: Parts,
  reward: number | null,
  penalty: PenaltyRecord | null = null,
): Sum {
  const taken: Term = { part: "penalty", sign: "−", value: penalty?.taken ?? 0 };
  if (penalty?.alone) return sum([taken], -penalty.taken, reward);
  const { reward: by = {} } = settingsOf(config, stage, "reasoner") as {
    readonly reward?: Parts | { readonly weights: Parts; readonly moduleWeights: Parts };
  };
  const isPlain = typeof by.weights !== "object";
  if (isPlain && Object.keys(by).length === 0) return weightedSum({}, parts, reward);
  const { weights, moduleWeights = {} } = (isPlain ? { weights: by } : by) as {
    readonly weights: Parts;
    readonly moduleWeights?: Parts;
  };
  const weightOf = (name: string): number => weights[name] ?? moduleWeights[name] ?? 1;
  const all = Object.keys(parts).map((name) => [name, weightOf(name)]);
  const weighted = weightedSum(Object.fromEntries(all), parts, reward);
  if (!penalty) return weighted;
  return sum([...weighted.terms, taken], (weighted.total ?? 0) - penalty.taken, reward);
}

/** A weighted sum of parts; those without a weight are not counted. */
export function weightedSum(weights: Parts, parts: Parts, reward: number | null): Sum {
  const counted = Object.entries(weights).filter(([name]) => name in parts);
  const terms = counted.flatMap(([name, weight], i): Term[] => [
    { part: "weight", sign: i === 0 ? "" : "+", value: weight },
    { part: name, sign: "×", value: parts[name] as number },
  ]);
  const total = counted.reduce((all, [name, weight]) => all + weight * (parts[name] as number), 0);
  return sum(terms, counted.length === 0 ? null : total, reward);
}

function sum(terms: readonly Term[], total: number | null, reward: number | null): Sum {
  return { terms, total, addsUp: total !== null && reward !== null && Math.abs(total - reward) <= TOLERANCE };
}
