import * as z from "zod";
import type { Figure } from "../../replay/scores.ts";
import type { Role } from "../../replay/self_play.ts";
import { stages as names, type StageKind, stageKinds } from "../../replay/stages.ts";
import { optionalCount } from "./setting.ts";

/** Figures that a stage may have to reach. */
const floorFigures = ["greedy", "mean8", "mean8_t06", "maj8", "pass8"] as const;

/** The least that the last evaluation of a stage must come to, percent, by figure. */
export type Floors = { readonly [F in Figure & (typeof floorFigures)[number]]?: number | undefined };

/** Rounds of self-play, by the settings outside of the stages. */
export interface SelfPlayStage {
  readonly kind: "self_play";
  /** Null: as many as `rounds` says. */
  readonly rounds: number | null;
  readonly requires: Floors;
}

export type StageConfig = SelfPlayStage;

const percent = z.number().min(0).max(100).optional();

const requires = z
  .strictObject(Object.fromEntries(floorFigures.map((figure) => [figure, percent])))
  .default({})
  .describe(
    `the least that the stage's last evaluation must come to, else the run ends (percent), such as {greedy: 60}; of ${floorFigures.join(", ")}`,
  ) as unknown as z.ZodType<Floors, Floors | undefined>;

const selfPlay = z.strictObject({
  kind: z.literal("self_play").describe("rounds of self-play, by the groups of settings above"),
  rounds: optionalCount("how many; null: as `rounds` says"),
  requires,
});

export const stages: z.ZodType<readonly StageConfig[]> = z
  .array(
    z.discriminatedUnion("kind", [selfPlay], {
      error: ({ code }) =>
        code === "invalid_union" ? `expected one of ${stageKinds.join(", ")}` : undefined,
    }),
  )
  .min(1, "expected at least one stage")
  .prefault([{ kind: "self_play" }] as never)
  .describe(
    "what the run is made of, in turn; each stage starts from the model that the one before made",
  ) as never;

/** A stage, and where it stands in its run. */
export interface Stage<C extends StageConfig = StageConfig> {
  readonly index: number;
  /** What its events are recorded under. */
  readonly name: string;
  readonly config: C;
  /** Rounds count through the run: so many came before, and so many are the stage's own. */
  readonly before: number;
  readonly rounds: number;
}

/** The stages of a configuration, in their order. */
export function stagesOf({ rounds, stages }: Staged): Stage[] {
  let before = 0;
  const seen = new Map<StageKind, number>();
  return stages.map((config, index) => {
    const own = roundsOf(config, rounds);
    const times = (seen.get(config.kind) ?? 0) + 1;
    seen.set(config.kind, times);
    const { name } = names[config.kind];
    const stage = { index, name: times === 1 ? name : `${name}${times}`, config, before, rounds: own };
    before += own;
    return stage;
  });
}

/** The part of a configuration that tells its stages. */
interface Staged {
  readonly rounds: number;
  readonly stages: readonly StageConfig[];
}

function roundsOf(config: StageConfig, rounds: number): number {
  return config.kind === "self_play" ? (config.rounds ?? rounds) : 1;
}

/** The number of a stage's last round. */
export function lastRoundOf({ before, rounds }: Pick<Stage, "before" | "rounds">): number {
  return before + rounds;
}

/** Where a round's model of a policy lies, relative to the run's folder. */
export function modelFolder(round: number, role: Role): string {
  return `round-${round}/${role}`;
}

/** The model that a stage starts from, relative to the run's folder; null for the run's own. */
export function startFolder({ index, before }: Pick<Stage, "index" | "before">): string | null {
  return index === 0 ? null : modelFolder(before, "reasoner");
}

/** The rounds of all stages. */
export function allRounds(config: Staged): number {
  return stagesOf(config).reduce((sum, { rounds }) => sum + rounds, 0);
}

/** Whether a configuration has a stage of a kind. */
export function hasStage({ stages }: Pick<Staged, "stages">, kind: StageKind): boolean {
  return stages.some((stage) => stage.kind === kind);
}
