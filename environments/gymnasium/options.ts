import * as z from "zod";

/** What the settings' `options` say of an environment of Gymnasium. */
export interface GymnasiumOptions {
  /** What `gymnasium.make` is given: the environment, and the rest by name. */
  readonly id: string;
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** The interpreter that has it. */
  readonly python: string;
  /** Names of the actions in the prompt, in their order; null for the environment's own. */
  readonly actions: readonly string[] | null;
  /** In how many steps each number of an action is chosen from its range; null refuses actions that are numbers. */
  readonly levels: number | null;
  /** What is asked; `{actions}` stands for their names. */
  readonly question: string;
  /** The total reward from which on a trajectory is one to imitate; null: none is. */
  readonly success: number | null;
}

export const gymnasiumOptions: z.ZodType<GymnasiumOptions> = z.strictObject({
  id: z.string("expected an environment of Gymnasium, such as highway-v0 or MODULE:ID").min(1),
  kwargs: z.record(z.string(), z.unknown()).default({}),
  python: z.string().min(1).default("python3"),
  actions: z.array(z.string().min(1)).min(2).nullable().default(null),
  levels: z.int().min(2).max(64).nullable().default(null),
  question: z.string().min(1).default("What is the next action? One of: {actions}."),
  success: z.number().nullable().default(null),
});
