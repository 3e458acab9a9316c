import { isFaultOfPrompt } from "../common/errors.ts";
import { zip } from "../common/zip.ts";
import type { Completion, Observation, Prompt, ReadTurn, Turn } from "../policy/port.ts";
import type { Costs } from "../rewards/constraints.ts";
import type { Failure } from "../rewards/failure.ts";
import type { Parts } from "../rewards/parts.ts";
import {
  type Action,
  type Call,
  type Environment,
  EnvironmentFault,
  type Fault,
  type Observed,
  type Outcome,
  type Start,
  type Veto,
  type Watched,
} from "./environment.ts";
import { actedOf, failureIn, type TrajectoryJudge, textsIn } from "./judgement.ts";

/** All that a policy did in one task, and what that earned. */
export interface Trajectory {
  /** What it said in all of its turns, with what it observed between them; where turns stand alone, in the first of them. */
  readonly completion: Completion;
  /** What it said last. */
  readonly last: Completion;
  /** Its turns one by one. */
  readonly turns: readonly SpokenTurn[];
  /** Their sums by name; null where nobody can judge it. */
  readonly parts: Parts | null;
  /** What the policy is charged with, by constraint: the sums of its turns. */
  readonly costs: Costs;
  /** Whether it is one to imitate. */
  readonly success: boolean;
  /** How it came to its end: by the environment, by the most turns that it may have, or by a fault. */
  readonly end: "done" | "turns" | "fault";
  /** Null unless that was a fault. */
  readonly fault: Fault | null;
  /** Where it began to fail; null where it succeeded, or nobody can judge it. */
  readonly failure: Failure | null;
}

/** What a policy said in one of its turns. */
export interface SpokenTurn extends Pick<Completion, "text" | "tokens">, Act {}

/** What became of a turn. */
interface Act {
  /** What it earned, before weighting. */
  readonly parts: Parts;
  /** The call of a tool that it was; null for any other. */
  readonly call: Call | null;
  /** How far constraints were violated by what was done. */
  readonly costs: Costs;
  /** Why that was something else than it says; null where it was not. */
  readonly veto: Veto | null;
  /** How it came about; null where nobody watched. */
  readonly watched: Watched | null;
}

/** What a policy is charged with for a turn: never with what was done in its place. */
export function chargedCosts({ costs, veto }: Pick<Act, "costs" | "veto">): Costs {
  return veto?.costs ?? costs;
}

/** Where a trajectory begins. */
export interface Beginning extends Pick<Start, "state"> {
  readonly prompt: Prompt;
}

/** What a policy is asked in one of its turns. */
export interface AskedTurn {
  /** Which of the beginnings it goes on from. */
  readonly task: number;
  readonly prompt: Prompt;
  /** Where its environment stands. */
  readonly state: unknown;
}

/**
 * Completions of prompts, [prompts][groupSize], all for one turn of the policy, which counts from 0. Null for a prompt that
 * the model cannot take.
 */
export type SampleTurn = (
  asked: readonly AskedTurn[],
  groupSize: number,
  turn: number,
) => Promise<readonly (readonly WatchedCompletion[] | null)[]>;

/** A completion, and how it came about where somebody watched. */
export interface WatchedCompletion extends Completion, Pick<Action, "watched"> {}

export interface RolloutOptions {
  /** G: trajectories of each beginning. */
  readonly groupSize: number;
  /** Turns of the policy, at most. */
  readonly maxTurns: number;
  /** What trajectories earn beside what their turns do; default: nothing. */
  readonly judge?: TrajectoryJudge;
  readonly signal?: AbortSignal;
}

/** What a rollout needs of an environment. */
export type ActedIn = Pick<Environment, "step" | "understanding">;

/**
 * G trajectories from each beginning, [beginnings][G]; null where the model cannot take it. Turn by turn, all that still
 * go on are sampled in one call, and then observed at the same time.
 */
export async function rollOut(
  beginnings: readonly Beginning[],
  environment: ActedIn,
  sample: SampleTurn,
  options: RolloutOptions,
): Promise<(Trajectory[] | null)[]> {
  const { groupSize, maxTurns } = options;
  const first = await sample(
    beginnings.map(({ prompt, state }, task) => ({ task, prompt, state })),
    groupSize,
    0,
  );
  const groups = first.map((completions) => completions && new Array<Trajectory>(completions.length));
  const end = ({ task, member }: Listening, trajectory: Trajectory): void => {
    (groups[task] as Trajectory[])[member] = trajectory;
  };
  let spoken = zip(beginnings, first).flatMap(([beginning, completions], task) =>
    (completions ?? []).map((completion, member) => say(begin(beginning, task, member), completion)),
  );
  for (let turn = 1; spoken.length > 0; turn++) {
    const observed = await Promise.all(spoken.map((each) => observe(each, environment, options)));
    const open: Listening[] = [];
    for (const [each, now] of zip(spoken, observed)) {
      if ("end" in now) end(each, now);
      else if (turn === maxTurns) end(each, finish(now, "turns", options));
      else open.push(now);
    }
    const answers = open.length === 0 ? [] : await sample(open.map(askedOf), 1, turn);
    spoken = [];
    for (const [each, answer] of zip(open, answers)) {
      const [completion] = answer ?? [];
      if (completion) spoken.push(say(each, completion));
      else end(each, spoil(each, tooLong(turn)));
    }
  }
  return groups;
}

/** A trajectory that waits for its policy to speak. */
interface Listening {
  /** Which of the beginnings it goes on from, and which of its group it is. */
  readonly task: number;
  readonly member: number;
  /** Up to here. */
  readonly prompt: Prompt;
  readonly state: unknown;
  readonly said: readonly WatchedCompletion[];
  readonly observations: readonly Observation[];
  readonly acts: readonly Act[];
  /** Whether a turn of it stands alone, so that only the first one goes on from where it began. */
  readonly alone: boolean;
}

/** One that waits for its environment. */
interface Spoken extends Listening {
  readonly last: WatchedCompletion;
}

function askedOf({ task, prompt, state }: Listening): AskedTurn {
  return { task, prompt, state };
}

function begin({ prompt, state }: Beginning, task: number, member: number): Listening {
  return { task, member, prompt, state, said: [], observations: [], acts: [], alone: false };
}

function say(listening: Listening, completion: WatchedCompletion): Spoken {
  const prompt = goOn(listening.prompt, [{ role: "assistant", tokens: completion.tokens }]);
  return { ...listening, prompt, said: [...listening.said, completion], last: completion };
}

function goOn(prompt: Prompt, turns: Prompt["turns"]): Prompt {
  return { ...prompt, turns: [...prompt.turns, ...turns] };
}

/** What the environment makes of what the policy said last. */
async function observe(
  spoken: Spoken,
  environment: ActedIn,
  options: RolloutOptions,
): Promise<Listening | Trajectory> {
  const { tokens, text, finishReason, watched } = spoken.last;
  const { signal } = options;
  const isFirst = spoken.acts.length === 0;
  let outcome: Outcome;
  let understanding: number | null | undefined;
  try {
    const action = { tokens, text, finishReason, ...(watched && { watched }) };
    outcome = await environment.step(spoken.state, action, signal);
    understanding = isFirst ? await environment.understanding?.(spoken.state, text, signal) : null;
  } catch (error) {
    if (!isFaultOfPrompt(error)) throw error;
    const fault =
      error instanceof EnvironmentFault ? error : { kind: "threw" as const, reason: error.message };
    return spoil({ ...spoken, acts: [...spoken.acts, nothingDone] }, fault);
  }
  const call = outcome.turns === null ? null : (outcome.call ?? null);
  const parts = { ...outcome.parts, ...(typeof understanding === "number" && { understanding }) };
  const { costs = {}, veto = null } = outcome;
  const acts = [...spoken.acts, { parts, call, costs, veto, watched: watched ?? null }];
  if (outcome.turns !== null) return hear({ ...spoken, acts }, outcome);
  const { success } = outcome;
  if (outcome.parts === null) return { ...finish({ ...spoken, acts }, "done", {}), ...unjudged, success };
  return finish({ ...spoken, acts }, "done", options, success);
}

/** What became of a turn whose environment failed. */
const nothingDone: Act = { parts: {}, call: null, costs: {}, veto: null, watched: null };

/** Of a trajectory that nobody can judge. */
const unjudged = { parts: null, failure: null };

/** Reads what was observed. */
function hear(listening: Listening, { turns, state, alone = false }: Observed): Listening {
  const after = listening.said.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const before = alone ? { ...listening.prompt, turns: [] } : listening.prompt;
  return {
    ...listening,
    prompt: goOn(before, turns),
    state,
    observations: [...listening.observations, { after, turns }],
    alone: alone || listening.alone,
  };
}

function finish(
  { prompt: { turns: conversation }, said, observations, acts, alone }: Listening,
  end: Trajectory["end"],
  { judge }: Pick<RolloutOptions, "judge">,
  success = false,
): Trajectory {
  const last = said.at(-1) as Completion;
  const tokens = said.reduce((sum, each) => sum + each.tokens.length, 0);
  // What was observed after the last turn was never read.
  const read = observations.filter(({ after }) => after < tokens);
  const turns = zip(said, acts).map(([{ text, tokens }, act], i) => ({
    text,
    tokens: alone && i > 0 ? new Int32Array() : tokens,
    ...act,
  }));
  const prompt = conversation.slice(0, conversation.findIndex(isOwnTurn)) as ReadTurn[];
  const heard = turns.map((turn, i) => ({
    ...turn,
    truncated: said[i]?.finishReason === "length",
    heard: textsIn(read[i]?.turns ?? []),
  }));
  const acted = actedOf(prompt, heard, success);
  const whole = judge?.(acted) ?? {};
  const earned = turns.map((turn, i) =>
    i === turns.length - 1 ? { ...turn, parts: { ...turn.parts, ...whole } } : turn,
  );
  return {
    completion: alone || said.length === 1 ? (said[0] as Completion) : join(said, read),
    last,
    turns: earned,
    parts: sumByName(earned.map(({ parts }) => parts)),
    costs: sumByName(acts.map(chargedCosts)),
    success,
    end,
    fault: null,
    failure: failureIn(acted),
  };
}

function isOwnTurn({ role }: Turn): boolean {
  return role === "assistant";
}

/** A trajectory that teaches nothing, for its environment failed. */
function spoil(listening: Listening, { kind, reason }: Fault): Trajectory {
  return { ...finish(listening, "fault", {}), ...unjudged, fault: { kind, reason } };
}

function tooLong(turns: number): Fault {
  const reason = `after ${turns} turns the conversation leaves no room for an answer in the model's context; lower maxTurns or maxTokens`;
  return { kind: "tooLong", reason };
}

function join(said: readonly Completion[], observations: readonly Observation[]): Completion {
  return {
    tokens: Int32Array.from(said.flatMap(({ tokens }) => [...tokens])),
    logProbs: Float32Array.from(said.flatMap(({ logProbs }) => [...logProbs])),
    text: said.map(({ text }) => text).join("\n"),
    finishReason: (said.at(-1) as Completion).finishReason,
    observations,
  };
}

function sumByName(parts: readonly Parts[]): Parts {
  const sums = new Map<string, number>();
  for (const [name, value] of parts.flatMap((each) => Object.entries(each)))
    sums.set(name, (sums.get(name) ?? 0) + value);
  return Object.fromEntries(sums);
}
