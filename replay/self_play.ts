/** The names under which self-play records itself. Readers take any other name, too: these are only what is written today. */

export const SELF_PLAY = "selfPlay";

/** The policies that it trains. */
export const roles = ["questioner", "reasoner"] as const;
export type Role = (typeof roles)[number];

/**
 * All parts of a round in their order: its phases, the audit of its silver answers, and the writing of its models. In
 * round 0 there are only a trial, an evaluation and a warm-up, elsewhere all the others.
 */
export const legs = [
  "questioner",
  "curriculum",
  "audit",
  "reasoner",
  "trial",
  "evaluation",
  "warmUp",
  "save",
] as const;
export type Leg = (typeof legs)[number];

export type Phase = Exclude<Leg, "audit" | "save">;

/** The phases of a round, in their order. */
export const phases: readonly Phase[] = legs.filter((leg): leg is Phase => leg !== "audit" && leg !== "save");
