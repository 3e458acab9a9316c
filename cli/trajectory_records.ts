import { basename, resolve } from "node:path";
import { VisplayError } from "../common/errors.ts";
import {
  type DescribedTool,
  readCall,
  responseTags,
  UnreadableCall,
  type WrittenCall,
} from "../common/tool_call.ts";
import type { Message, Trajectory } from "../data/export/trajectory.ts";
import { tolerant } from "../replay/damage.ts";
import type {
  EpisodeEvent,
  ReasonerEpisode,
  ReasonerRollout,
  TrajectoryRecord,
  TurnRecord,
} from "../replay/events.ts";
import type { EpisodeQuery } from "../replay/query.ts";
import { ReplayReader } from "../replay/reader.ts";
import { type ActedTurn, actedTurns, promptTurnsOf } from "../replay/turns.ts";

/** Every trajectory in the episodes that a query matches, in the order of the run; tells of what is damaged, and left out. */
export function* trajectoriesOf(
  folder: string,
  query: EpisodeQuery,
  onDamage: (what: string) => void,
): Generator<Trajectory> {
  using reader = ReplayReader.open(folder);
  const run = basename(resolve(folder));
  const inOrder = { ...query, sort: { by: "time", order: "ascending" } } as const;
  const fileOf = (id: string) => ({ id, file: reader.image(id) ?? null });
  for (const id of reader.order(inOrder)) {
    const found = tolerant(() => reader.episode(id));
    if (found instanceof VisplayError) onDamage(`${run}: ${found.message}`);
    const event = found instanceof VisplayError ? undefined : found?.event;
    if (event?.type !== "reasonerEpisode") continue;
    for (const [place, rollout] of event.rollouts.entries()) {
      if (!rollout.trajectory) continue;
      const messages = messagesOf(event, rollout, rollout.trajectory);
      const images = messages
        .flatMap(({ parts }) => parts)
        .flatMap((part) => (typeof part === "string" ? [] : fileOf(part.image)));
      const from = { run, episode: id, rollout: place };
      const tools = event.tools?.told === "ownWords" ? null : (event.tools?.functions ?? null);
      yield { ...from, ...factsOf(event, rollout, rollout.trajectory), messages, tools, images };
    }
  }
}

type Episode = Extract<EpisodeEvent, ReasonerEpisode>;

function factsOf(
  { stage, phase, round, step, question, label }: Episode,
  { reward, parts, advantage }: ReasonerRollout,
  { end, success, fault, failure }: TrajectoryRecord,
) {
  const came = { end: success ? "success" : end, fault, failure } as const;
  return { stage, phase, round, step, question, label, reward, parts, advantage, ...came };
}

/** The prompt, and what was said and read then, in turn; without a turn that tells of tools as any chat template would. */
function messagesOf(event: Episode, rollout: ReasonerRollout, trajectory: TrajectoryRecord): Message[] {
  const prompt = promptTurnsOf(event);
  const own = event.tools?.told === "usualWords" ? prompt.slice(1) : prompt;
  return [
    ...own.map(readMessage),
    ...actedTurns(rollout, trajectory).flatMap((turn): Message[] => {
      const observed = turn.call ? turn.observed.map(withoutTags) : turn.observed;
      return [saidMessage(turn, event.tools?.functions ?? []), ...observed.map(readMessage)];
    }),
  ];
}

function readMessage({ role, parts }: TurnRecord): Message {
  return { role, parts, call: null, act: null };
}

function saidMessage({ text, parts, call, advantage }: ActedTurn, tools: readonly DescribedTool[]): Message {
  const written = call && writtenIn(text, tools);
  const before = written ? written.before.trimEnd() : text;
  return {
    role: "assistant",
    parts: before === "" && written ? [] : [before],
    call: written?.call ?? null,
    act: { parts, call, advantage },
  };
}

/** The call in what was said; null where it could not be read, and stays text. */
function writtenIn(text: string, tools: readonly DescribedTool[]): WrittenCall | null {
  try {
    return readCall(text, tools);
  } catch (error) {
    if (error instanceof UnreadableCall) return null;
    throw error;
  }
}

/** An answer without the tags that a prompt of our own put around it. */
function withoutTags({ role, parts }: TurnRecord): TurnRecord {
  const isTagged = parts[0] === responseTags.open && parts.at(-1) === responseTags.close;
  return { role, parts: isTagged ? parts.slice(1, -1) : parts };
}
