import type { EpisodeEvent } from "../replay/events.ts";
import type { EpisodeHead, EpisodeQuery } from "../replay/query.ts";
import { textsOf } from "../replay/texts.ts";
import type { EpisodeAnswer } from "./answers.ts";

/** The episodes that a query matches, in its order: what the replay does, for the few that a file holds. */
export function select(episodes: readonly EpisodeAnswer[], query: EpisodeQuery): EpisodeHead[] {
  const { by, order } = query.sort ?? { by: "time", order: "descending" };
  const key = (head: EpisodeHead) => (by === "time" ? head.id : figureOf(head, by));
  const sign = order === "ascending" ? 1 : -1;
  return episodes
    .filter((episode) => matches(episode, query) && key(episode.head) !== null)
    .map(({ head }) => head)
    .sort((a, b) => sign * ((key(a) as number) - (key(b) as number) || a.id - b.id));
}

function matches({ head, event }: EpisodeAnswer, query: EpisodeQuery): boolean {
  const { stages, phases, role, superseded = "exclude", ranges = {}, finishReason, image, text } = query;
  return (
    (stages?.includes(head.stage) ?? true) &&
    (phases?.includes(head.phase) ?? true) &&
    (role === undefined || role === head.role) &&
    (superseded === "include" || head.superseded === (superseded === "only")) &&
    (finishReason === undefined ||
      (finishReason === "length" ? head.truncated > 0 : head.rollouts > head.truncated)) &&
    (image === undefined || image === head.image.id) &&
    (text === undefined || saysAll(event, text)) &&
    Object.entries(ranges).every(([name, { min, max }]) => {
      const value = figureOf(head, name);
      return value !== null && value >= (min ?? value) && value <= (max ?? value);
    })
  );
}

/**
 * Whether all words occur, "quoted" ones as a phrase, one with a * at its end as a beginning: in the texts that the replay
 * searches, and without accents, as it does.
 */
function saysAll(event: EpisodeEvent, text: string): boolean {
  const { question, answers } = textsOf(event);
  const said = [question, answers].map((part) => ` ${wordsOf(part)} `);
  return [...text.matchAll(/"([^"]*)"?|(\S+)/g)].every(([, phrase, word = ""]) => {
    const wanted = ` ${wordsOf(phrase ?? word)}${phrase === undefined && word.endsWith("*") ? "" : " "}`;
    return wanted.trim() === "" || said.some((part) => part.includes(wanted));
  });
}

function wordsOf(text: string): string {
  const plain = text
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "");
  return (plain.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).join(" ");
}

/** A figure of a head by the name that a query calls it; null where it has none. */
export function figureOf(head: EpisodeHead, name: string): number | null {
  const { versions, measures } = head;
  const own: Readonly<Record<string, number | null>> = {
    round: head.round,
    step: head.step,
    questionerVersion: versions.questioner ?? null,
    reasonerVersion: versions.reasoner ?? null,
    reward: head.reward,
    advantage: head.advantage,
    confidence: head.confidence,
    length: head.length,
    truncated: head.truncated,
  };
  if (Object.hasOwn(own, name)) return own[name] ?? null;
  return (name.startsWith("version:") ? versions[name.slice(8)] : measures[name]) ?? null;
}
