import { VisplayError } from "../common/errors.ts";
import { type Costs, constrain, isForbidden, violated } from "../rewards/constraints.ts";
import type { Action, Environment, Outcome, Veto } from "../training/environment.ts";

/** When a shield takes the fallback in place of an action. */
export interface ShieldOptions {
  /** Where the action would violate a hard constraint. */
  readonly dangerous: boolean;
  /** Where samples about the same picture agree less than this in what they say of it, 0 to 1; 0: never. */
  readonly agreement: number;
  /** Where the picture is unlike those of training. */
  readonly unlike: boolean;
  /** Where the action came later than this; null: never. */
  readonly deadlineMs: number | null;
}

/** An environment that can be shielded. */
type Shieldable = Environment & Required<Pick<Environment, "constraints" | "foresee" | "fallback">>;

/**
 * Stands between a policy and an environment: where an action is not to be taken, the environment's fallback is, or, where that
 * would cost more, the action after all, for some constraints cannot be kept any more. The policy earns nothing by what the
 * shield did, and is charged with what its action would have cost. With a deadline a turn has a part `speed`: what was left of it,
 * as a share.
 */
export function withShield(environment: Environment, options: ShieldOptions): Environment {
  const shielded = requireShieldable(environment);
  const { suite } = environment;
  return {
    ...membersOf(environment),
    ...(suite && { suite: withShield(suite, options) }),
    async step(state, action, signal) {
      const veto = await vetoOf(shielded, options, state, action, signal);
      if (veto === null) return withSpeed(await environment.step(state, action, signal), action, options);
      const text = await shielded.fallback(state, signal);
      const instead: Action = { tokens: new Int32Array(), text, finishReason: "stop" };
      const isVain =
        veto.reason === "dangerous" &&
        penaltyOf(shielded, await shielded.foresee(state, instead, signal)) >=
          penaltyOf(shielded, veto.costs);
      const outcome = await environment.step(state, isVain ? action : instead, signal);
      const noted = { ...veto, detail: isVain ? `${veto.detail}, which nothing prevents` : veto.detail };
      return outcome.turns === null
        ? { ...outcome, parts: outcome.parts && {}, veto: noted }
        : { ...outcome, parts: {}, veto: noted };
    },
  };
}

/** An environment some of whose constraints are soft, whatever it says itself. Throws "config" for a name that it does not have. */
export function soften(environment: Environment, soft: readonly string[]): Environment {
  const { name, constraints = [], suite } = environment;
  const unknown = soft.find((each) => constraints.every((constraint) => constraint.name !== each));
  if (unknown !== undefined) {
    const known = constraints.length === 0 ? "none" : constraints.map((each) => each.name).join(", ");
    throw new VisplayError(
      "config",
      `safety.soft: found ${JSON.stringify(unknown)}, expected constraints of ${name}, which has ${known}`,
    );
  }
  return {
    ...membersOf(environment),
    ...(suite && { suite: soften(suite, soft) }),
    constraints: constraints.map((each) => (soft.includes(each.name) ? { ...each, kind: "soft" } : each)),
  };
}

/** An environment's members, also of one that is a class's. */
function membersOf(environment: Environment): Environment {
  const { name, tasks, stopTexts, constraints, suite } = environment;
  const { understanding, demonstrate, foresee, fallback } = environment;
  return {
    ...{ name, tasks },
    ...(stopTexts && { stopTexts }),
    ...(constraints && { constraints }),
    ...(suite && { suite }),
    ...(understanding && { understanding: understanding.bind(environment) }),
    ...(demonstrate && { demonstrate: demonstrate.bind(environment) }),
    ...(foresee && { foresee: foresee.bind(environment) }),
    ...(fallback && { fallback: fallback.bind(environment) }),
    reset: environment.reset.bind(environment),
    step: environment.step.bind(environment),
    [Symbol.asyncDispose]: () => environment[Symbol.asyncDispose](),
  };
}

/** Throws "config" where an environment has no constraints, or cannot tell what actions cost or what to do instead. */
function requireShieldable(environment: Environment): Shieldable {
  const { name, constraints = [], foresee, fallback } = environment;
  const missing = [
    ...(constraints.length === 0 ? ["constraints"] : []),
    ...(foresee ? [] : ["foresee(state, action)"]),
    ...(fallback ? [] : ["fallback(state)"]),
  ];
  if (missing.length === 0) return environment as Shieldable;
  throw new VisplayError(
    "config",
    `safety: ${name} has no ${missing.join(", no ")}; expected an environment that says what must not happen, what actions would cost, and what to do instead; leave safety.shield, agreement, unlike and deadline as they are by default`,
  );
}

/** Why an action is not to be taken; null where it is. One that came too late is none, and costs nothing. */
async function vetoOf(
  environment: Shieldable,
  { dangerous, agreement, unlike, deadlineMs }: ShieldOptions,
  state: unknown,
  action: Action,
  signal: AbortSignal | undefined,
): Promise<Veto | null> {
  const { latencyMs = 0, agreement: found = null, unlike: isUnlike = null } = action.watched ?? {};
  if (deadlineMs !== null && latencyMs > deadlineMs)
    return { reason: "late", detail: `later than ${deadlineMs} ms`, costs: {} };
  const costs = await environment.foresee(state, action, signal);
  if (isUnlike && unlike) return { reason: "unlike", detail: "a picture unlike those of training", costs };
  if (found !== null && found < agreement) {
    const share = (100 * found).toFixed(0);
    return { reason: "unsure", detail: `samples agree by ${share}% in what they see`, costs };
  }
  if (!dangerous || !isForbidden(costs, environment.constraints)) return null;
  const names = violated(costs, environment.constraints).map(({ name }) => name);
  return { reason: "dangerous", detail: names.join(", "), costs };
}

function penaltyOf({ constraints }: Shieldable, costs: Costs): number {
  return -constrain(0, costs, constraints);
}

/** What was left of the deadline, as a share. */
function withSpeed(outcome: Outcome, { watched }: Action, { deadlineMs }: ShieldOptions): Outcome {
  if (!watched || deadlineMs === null || outcome.parts === null) return outcome;
  const speed = Math.max(0, 1 - watched.latencyMs / deadlineMs);
  return { ...outcome, parts: { ...outcome.parts, speed } };
}
