/** What must not happen in an environment, and what it costs where it does. */
export interface Constraint {
  readonly name: string;
  /** Hard: who violates it earns the penalty alone, whatever else was earned. Soft: the penalty is taken from what was. */
  readonly kind: "hard" | "soft";
  /** For a cost of 1; above 0. */
  readonly penalty: number;
}

/** How far constraints were violated, by their names: from 0, not at all, to 1. They stand beside rewards, never in them. */
export type Costs = Readonly<Record<string, number>>;

/** The constraints that costs violate. */
export function violated(costs: Costs, constraints: readonly Constraint[]): Constraint[] {
  return constraints.filter(({ name }) => (costs[name] ?? 0) > 0);
}

/** Whether an action with such costs is one that never pays. */
export function isForbidden(costs: Costs, constraints: readonly Constraint[]): boolean {
  return violated(costs, constraints).some(({ kind }) => kind === "hard");
}

/**
 * What is earned under constraints: r - Σ penalty · cost over the soft ones, or, where a hard one was violated, -Σ penalty over
 * all hard ones that were, however little and for whatever reward: no action that violates one ever earns more than nothing.
 */
export function constrain(reward: number, costs: Costs, constraints: readonly Constraint[]): number {
  const found = violated(costs, constraints);
  const hard = found.filter(({ kind }) => kind === "hard");
  if (hard.length > 0) return -hard.reduce((sum, { penalty }) => sum + penalty, 0);
  return reward - found.reduce((sum, { name, penalty }) => sum + penalty * (costs[name] as number), 0);
}

/**
 * The same turn by turn, whose sum it is: where a hard one was violated, what each turn earned counts for nothing, and the first
 * turn that violated it bears its penalty.
 */
export function constrainTurns(
  turns: readonly { readonly reward: number; readonly costs: Costs }[],
  constraints: readonly Constraint[],
): number[] {
  if (!turns.some(({ costs }) => isForbidden(costs, constraints)))
    return turns.map(({ reward, costs }) => constrain(reward, costs, constraints));
  const borne = new Set<Constraint>();
  return turns.map(({ costs }) => {
    const own = violated(costs, constraints).filter((each) => each.kind === "hard" && !borne.has(each));
    for (const each of own) borne.add(each);
    return 0 - own.reduce((sum, { penalty }) => sum + penalty, 0);
  });
}
