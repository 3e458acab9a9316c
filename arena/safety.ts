import type { SafetyFigures, SpokenTurn, SuiteFigures } from "../replay/events.ts";
import type { Costs } from "../rewards/constraints.ts";
import { mean, talliesOf } from "./statistics.ts";

/** What is counted of a turn: read from a record, or as it was played. */
export interface DecidedTurn extends Pick<SpokenTurn, "call"> {
  readonly costs?: Costs;
  readonly veto?: { readonly reason: string } | null;
  readonly watched?: SpokenTurn["watched"] | null;
}

/** How safe decisions were; what the policy is charged with but a shield prevented is a veto and no violation. */
export function safetyFigures(turns: readonly DecidedTurn[]): SafetyFigures {
  const names = turns.map(({ costs = {} }) => Object.keys(costs).filter((name) => (costs[name] ?? 0) > 0));
  const watched = turns.flatMap(({ watched }) => watched ?? []);
  const compared = watched.filter(({ unlike }) => unlike !== null);
  const latencies = watched.map(({ latencyMs }) => latencyMs);
  return {
    decisions: turns.length,
    violations: names.filter((some) => some.length > 0).length,
    violated: Object.fromEntries(talliesOf(names.flat())),
    vetoes: Object.fromEntries(talliesOf(turns.flatMap(({ veto }) => veto?.reason ?? []))),
    unlike: compared.length === 0 ? null : compared.filter(({ unlike }) => unlike).length,
    meanLatencyMs: latencies.length === 0 ? null : mean(latencies),
    maxLatencyMs: latencies.length === 0 ? null : Math.max(...latencies),
  };
}

/** What a gate on updates remembers: where it looked last, and the policies that it can go back to, by the updates before them. */
export interface SafetyProgress {
  readonly looked: number;
  /** Of the policy that goes on, which may be one that it went back to. */
  readonly current: number;
  readonly safe: SuiteFigures;
  readonly best: SuiteFigures;
}
