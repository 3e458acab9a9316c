import { zip } from "../common/zip.ts";
import { type Clip, usualClip } from "../policy/options.ts";
import type {
  Advantage,
  Completion,
  Policy,
  Prompt,
  PromptCompletions,
  TrainingGroup,
  UpdateOptions,
  UpdateReport,
} from "../policy/port.ts";
import {
  type AdvantageScaling,
  advantageOf,
  rewardScales,
  turnAdvantages,
  withPositive,
} from "../rewards/advantages.ts";

/** A completion and how it was rewarded. */
export interface Rollout {
  readonly completion: Completion;
  /** Null where nobody could judge. */
  readonly reward: number | null;
  /** Whether it is one to imitate. */
  readonly positive: boolean;
  /** Its log-probabilities under the reference, [T]; null where they were not asked for. */
  readonly reference: Float32Array | null;
  /** What it says to see, where that is to be credited apart. */
  readonly description?: RewardedDescription;
  /** Its turns, where each is to be credited with what was earned from it on; default: it is credited as a whole. */
  readonly turns?: readonly RewardedTurn[];
}

/** The beginning of a rollout that describes, and what that is worth by itself. */
export interface RewardedDescription {
  /** How many of the completion's tokens it is. */
  readonly tokens: number;
  /** Null where nobody could judge. */
  readonly reward: number | null;
}

/** One turn of a rollout. */
export interface RewardedTurn {
  /** How many of the completion's tokens it is. */
  readonly tokens: number;
  /** What it earned; those of all turns add up to the rollout's. */
  readonly reward: number;
}

/** The rollouts of one prompt, [G]. */
export interface Group<R extends Rollout = Rollout> {
  readonly prompt: Prompt;
  readonly rollouts: readonly R[];
}

/** A group whose rollouts say what they taught. */
export type Taught<G extends Group> = Omit<G, "rollouts"> & {
  readonly prompt: Prompt;
  readonly rollouts: readonly (G["rollouts"][number] & Lesson)[];
};

/** What a rollout taught. */
export interface Lesson {
  /** As a whole. */
  readonly advantage: number;
  /** Of each of its turns; null where it is credited as a whole. */
  readonly turnAdvantages: readonly number[] | null;
  /** Of what it says to see; null where that is not credited apart. */
  readonly descriptionAdvantage: number | null;
}

/** The frozen model that the KL holds a policy to. */
export interface Reference {
  /** Log-probabilities of completions, [groups][G][T]. */
  score(
    groups: readonly PromptCompletions[],
    temperature: number,
    signal?: AbortSignal,
  ): Promise<Float32Array[][]>;
}

/** The model that a policy began as. */
export function baseOf(policy: Pick<Policy, "score">): Reference {
  return {
    score: (groups, temperature, signal) =>
      policy.score(groups, { weights: "reference", temperature }, signal),
  };
}

export interface GrpoOptions extends Omit<UpdateOptions, keyof Clip> {
  /** Null: as is usual for the loss. */
  readonly clipLow: number | null;
  readonly clipHigh: number | null;
  /** What the difference from the group's mean is divided by. */
  readonly advantageScale: AdvantageScaling;
  /** Leaves completions that were cut off out of the loss. */
  readonly maskTruncated: boolean;
  /** Weight of the log-likelihood of the positive rollouts, beside GRPO's loss. */
  readonly positiveWeight: number;
}

/** What an update did, and what each group, in its order, taught. */
export interface Learned<G extends Group> {
  readonly groups: readonly Taught<G>[];
  /** Groups that had nothing to teach. */
  readonly droppedGroups: number;
  /** Null where none had. */
  readonly report: UpdateReport | null;
}

/**
 * One GRPO update of a policy from rewarded groups; those that teach nothing are left out of it, their KL term too,
 * which TRL would keep: at a small beta that is a pass through the model for next to nothing. The reference scores
 * what takes part and has no score yet; beta 0 needs none.
 */
export async function grpo<G extends Group>(
  policy: Policy,
  reference: Reference,
  groups: readonly G[],
  options: GrpoOptions,
  signal?: AbortSignal,
): Promise<Learned<G>> {
  const { advantageScale, maskTruncated, positiveWeight, ...given } = options;
  const { clipLow, clipHigh } = usualClip[given.loss];
  const update = { ...given, clipLow: given.clipLow ?? clipLow, clipHigh: given.clipHigh ?? clipHigh };
  const taught = withAdvantages(groups, advantageScale, positiveWeight);
  const teaching = taught.filter((group) => moves(group, maskTruncated));
  const droppedGroups = groups.length - teaching.length;
  if (teaching.length === 0) return { groups: taught, droppedGroups, report: null };
  const scored = await withReference(teaching, reference, update, signal);
  const batch = scored.map((group) => forPolicy(group, maskTruncated));
  return { groups: taught, droppedGroups, report: await policy.update(batch, update, signal) };
}

/** Whether a group has something to teach: rewards that differ, or a rollout to imitate. */
export function teaches(
  rollouts: readonly Pick<Rollout, "reward" | "positive">[],
  positiveWeight: number,
): boolean {
  if (positiveWeight > 0 && rollouts.some(({ positive }) => positive)) return true;
  return new Set(rollouts.flatMap(({ reward }) => reward ?? [])).size > 1;
}

/** Whether an update would learn anything from a group: also of rewards that differ, what is cut off may have no part in it. */
export function canTeach(
  group: Group,
  { advantageScale, positiveWeight, maskTruncated }: LessonOptions,
): boolean {
  return withAdvantages([group], advantageScale, positiveWeight).some((taught) =>
    moves(taught, maskTruncated),
  );
}

/** What decides which rollouts teach, and how much. */
export type LessonOptions = Pick<GrpoOptions, "advantageScale" | "positiveWeight" | "maskTruncated">;

/** What the reference can score. */
interface Scorable {
  readonly prompt: Prompt;
  readonly rollouts: readonly Pick<Rollout, "completion" | "reference">[];
}

/** The groups with the reference's scores where they have none; as they are where beta asks for none. */
export async function withReference<G extends Scorable>(
  groups: readonly G[],
  reference: Reference,
  { beta, temperature }: Pick<UpdateOptions, "beta" | "temperature">,
  signal?: AbortSignal,
): Promise<G[]> {
  const unscored = groups.filter(({ rollouts }) => rollouts.some((rollout) => rollout.reference === null));
  if (beta === 0 || unscored.length === 0) return [...groups];
  const asked = unscored.map(({ prompt, rollouts }) => ({
    prompt,
    completions: rollouts.map(({ completion }) => completion),
  }));
  const scores = await reference.score(asked, temperature, signal);
  const known = new Map<Scorable, readonly Float32Array[]>(zip(unscored, scores));
  return groups.map((group) => {
    const logProbs = known.get(group);
    if (!logProbs) return group;
    return {
      ...group,
      rollouts: zip(group.rollouts, logProbs).map(([each, reference]) => ({ ...each, reference })),
    };
  });
}

function withAdvantages<G extends Group>(
  groups: readonly G[],
  scaling: AdvantageScaling,
  positiveWeight: number,
): Taught<G>[] {
  const scales = rewardScales(
    groups.map(({ rollouts }) => rollouts.map(({ reward }) => reward)),
    scaling,
  );
  const seen = rewardScales(
    groups.map(({ rollouts }) => rollouts.map(({ description }) => description?.reward ?? null)),
    scaling,
  );
  return groups.map((group, g) => {
    const [scale = null, ofSeen = null] = [scales[g], seen[g]];
    const all: readonly G["rollouts"][number][] = group.rollouts;
    const taught = all.map((each) => {
      const { reward, positive, turns, description } = each;
      const earned = turns?.map((turn) => turn.reward);
      const shift = (advantage: number): number => withPositive(advantage, positive, positiveWeight);
      return {
        ...each,
        advantage: shift(advantageOf(reward, scale)),
        turnAdvantages: earned ? turnAdvantages(earned, reward, scale).map(shift) : null,
        descriptionAdvantage: description ? shift(advantageOf(description.reward, ofSeen)) : null,
      };
    });
    return { ...group, rollouts: taught };
  });
}

/** Whether some rollout of a group takes part in the loss and moves it. */
function moves({ rollouts }: Taught<Group>, maskTruncated: boolean): boolean {
  return rollouts.some(
    ({ advantage, turnAdvantages, descriptionAdvantage, completion }) =>
      [...(turnAdvantages ?? [advantage]), descriptionAdvantage ?? 0].some((each) => each !== 0) &&
      !isMasked(completion, maskTruncated),
  );
}

function isMasked({ finishReason }: Completion, maskTruncated: boolean): boolean {
  return maskTruncated && finishReason === "length";
}

function forPolicy({ prompt, rollouts }: Taught<Group>, maskTruncated: boolean): TrainingGroup {
  return {
    prompt,
    rollouts: rollouts.map(({ completion, reference, ...lesson }) => ({
      completion,
      advantage: tokenAdvantages(lesson, completion.tokens.length),
      ...(reference && { referenceLogProbs: reference }),
      ...(isMasked(completion, maskTruncated) && { mask: new Uint8Array(completion.tokens.length) }),
    })),
  };
}

/** The advantage of all tokens, or, by turns or for what is described, of each, [T]. */
function tokenAdvantages(
  {
    advantage,
    turnAdvantages,
    descriptionAdvantage,
    turns = [],
    description,
  }: Lesson & Pick<Rollout, "turns" | "description">,
  length: number,
): Advantage {
  if (description && descriptionAdvantage !== null)
    return new Float32Array(length).fill(advantage).fill(descriptionAdvantage, 0, description.tokens);
  if (turnAdvantages === null) return advantage;
  return Float32Array.from(
    zip(turns, turnAdvantages).flatMap(([{ tokens }, own]) => new Array<number>(tokens).fill(own)),
  );
}
