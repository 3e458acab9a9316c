import { basename, resolve } from "node:path";
import { VisplayError } from "../common/errors.ts";
import type { Message, Trajectory } from "../data/export/trajectory.ts";
import { tolerant } from "../replay/damage.ts";
import type { EpisodeEvent, ReasonerEpisode, ReasonerRollout, TrajectoryRecord } from "../replay/events.ts";
import type { EpisodeQuery } from "../replay/query.ts";
import { ReplayReader } from "../replay/reader.ts";
import { actedTurns, promptTurnsOf } from "../replay/turns.ts";

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
      yield { ...from, ...factsOf(event, rollout, rollout.trajectory), messages, images };
    }
  }
}

type Episode = Extract<EpisodeEvent, ReasonerEpisode>;

function factsOf(
  { stage, phase, round, step, question, label }: Episode,
  { reward, parts, advantage }: ReasonerRollout,
  { end, success, fault }: TrajectoryRecord,
) {
  const came = { end: success ? "success" : end, fault } as const;
  return { stage, phase, round, step, question, label, reward, parts, advantage, ...came };
}

/** The prompt, and what was said and read then, in turn. */
function messagesOf(event: Episode, rollout: ReasonerRollout, trajectory: TrajectoryRecord): Message[] {
  const read = (turns: ReturnType<typeof promptTurnsOf>): Message[] =>
    turns.map(({ role, parts }) => ({ role, parts, act: null }));
  return [
    ...read(promptTurnsOf(event)),
    ...actedTurns(rollout, trajectory).flatMap(({ text, parts, call, observed }): Message[] => [
      { role: "assistant", parts: [text], act: { parts, call } },
      ...read(observed),
    ]),
  ];
}
