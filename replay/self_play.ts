/** The names under which self-play records itself. Readers take any other name, too: these are only what is written today. */

export const SELF_PLAY = "selfPlay";

/** The policies that it trains. A stage that answers given questions trains the Reasoner alone. */
export const roles = ["questioner", "reasoner"] as const;
export type Role = (typeof roles)[number];
