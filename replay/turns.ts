import type {
  AnswerRecord,
  CompletionRecord,
  EpisodeEvent,
  EventBody,
  FunctionRecord,
  SpokenTurn,
  TrajectoryFigures,
  TrajectoryRecord,
  TurnRecord,
} from "./events.ts";
import { answersOf, rolloutsOf } from "./rollouts.ts";

/** A policy's turn within its completion. */
export interface ActedTurn extends SpokenTurn {
  /** Which of the completion's tokens it is: from `first` up to, but not including, `end`. */
  readonly first: number;
  readonly end: number;
  /** What was read after it; nothing after the last one. */
  readonly observed: readonly TurnRecord[];
}

/** The turns of a trajectory, in order. */
export function actedTurns(
  { tokens }: Pick<CompletionRecord, "tokens">,
  { turns, observations }: TrajectoryRecord,
): ActedTurn[] {
  return turns.map((turn, i) => ({
    ...turn,
    first: i === 0 ? 0 : (observations[i - 1]?.after ?? tokens.length),
    end: observations[i]?.after ?? tokens.length,
    observed: observations[i]?.turns ?? [],
  }));
}

/** Trajectories that a fault spoiled, of whatever kind. */
export function countFaults(faults: TrajectoryFigures["faults"]): number {
  return Object.values(faults).reduce((sum, count) => sum + count, 0);
}

/** The turns of an episode's prompt: its picture with the text about it, unless it was recorded otherwise. */
export function promptTurnsOf(event: EpisodeEvent): readonly TurnRecord[] {
  const recorded = event.type === "reasonerEpisode" ? event.turns : null;
  return recorded ?? [{ role: "user", parts: [{ image: event.image.id }, event.prompt] }];
}

/** The tools that the chat template told the policy of. */
export function templateToolsOf(event: EpisodeEvent): readonly FunctionRecord[] {
  const tools = event.type === "reasonerEpisode" ? event.tools : null;
  return tools?.told === "template" ? tools.functions : [];
}

/** Whether a call of a tool went well in a trajectory: what is answered then is verified. */
export function isVerified({ turns }: { readonly turns: readonly Pick<SpokenTurn, "call">[] }): boolean {
  return turns.some(({ call }) => call !== null && call.fault === null);
}

/** The images that an event names, by their content; one may come several times. */
export function imagesNamedBy(event: EventBody): string[] {
  const own = "image" in event && "id" in event.image ? [event.image.id] : [];
  return [...own, ...imagesInTurnsOf(event)];
}

/** Those of them that stand in turns, of the prompt or observed. */
export function imagesInTurnsOf(event: EventBody): string[] {
  const answers = answersIn(event);
  const observed = answers.flatMap(({ trajectory }) => trajectory?.observations ?? []);
  const asked = event.type === "reasonerEpisode" ? (event.turns ?? []) : [];
  return imagesInTurns([...asked, ...observed.flatMap((observation) => observation.turns)]);
}

/** All answers in an episode; none in any other event. */
function answersIn(event: EventBody): readonly AnswerRecord[] {
  if (event.type === "reasonerEpisode") return event.rollouts;
  const isAsked = event.type === "questionerEpisode" || event.type === "curriculumEpisode";
  return isAsked
    ? rolloutsOf(event).flatMap((rollout) => answersOf(rollout).map(({ answer }) => answer))
    : [];
}

/** The images in turns, by their content, in order. */
export function imagesInTurns(turns: readonly TurnRecord[]): string[] {
  return turns.flatMap(({ parts }) => parts.flatMap((part) => (typeof part === "string" ? [] : part.image)));
}
