import { groupBy } from "../common/group_by.ts";
import type { QuestionHead } from "../replay/questions.ts";
import type { ReplayReader } from "../replay/reader.ts";
import type { Closeness, Drift, DriftRound, QuestionCluster, QuestionExample } from "./answers.ts";
import { counted, evenly, mean } from "./lists.ts";

/** Episodes of the Questioner that are looked at, spread evenly over each round, in all and in any one round. */
const LOOKED_AT = { glance: 200, look: 1500 } as const;
const LEAST_OF_A_ROUND = { glance: 1, look: 8 } as const;

/** Clusters, examples and beginnings that are shown. */
const SHOWN_CLUSTERS = 60;
const SHOWN_EXAMPLES = 12;
const SHOWN_BEGINNINGS = 5;

/** Questions are alike if so much of their words and pairs of words is the same (Jaccard). */
const ALIKE = 0.5;

/** What the Questioner asks while it learns, round by round. */
export function driftOf(reader: ReplayReader, closeness: Closeness): Drift {
  const rounds = reader.counts().filter(({ phase, superseded }) => phase === "questioner" && !superseded);
  const ids = reader.order({ phases: ["questioner"], sort: { by: "time", order: "ascending" } });
  const most = Math.max(
    LEAST_OF_A_ROUND[closeness],
    Math.floor(LOOKED_AT[closeness] / Math.max(1, rounds.length)),
  );
  let end = 0;
  const sample = rounds.flatMap(({ episodes }) => {
    const start = end;
    end += episodes;
    return evenly(ids.subarray(start, end), most);
  });
  const damaged: number[] = [];
  const questions = reader.questions(sample, (id) => damaged.push(id));
  const byRound = groupBy(questions, ({ round }) => round);
  const looked = [...byRound].map(([round, questions]) => ({ round, questions }));
  return {
    rounds: looked.map(({ round, questions }) => roundOf(round, questions)),
    clusters: clustersOf(looked),
    sampled: sample.length,
    of: ids.length,
    damaged,
  };
}

function roundOf(round: number, all: readonly QuestionHead[]): DriftRound {
  const texts = all.flatMap(({ question }) => question ?? []);
  const words = texts.map(wordsOf);
  const beginnings = counted(words.map((each) => each.slice(0, 3).join(" ")));
  return {
    round,
    questions: texts.length,
    distinct: distinctShare(texts),
    distinct1: distinctShare(words.flat()),
    distinct2: distinctShare(words.flatMap(pairsOf)),
    length: mean(all.map(({ length }) => length)) ?? 0,
    confidence: mean(all.flatMap(({ verdict }) => verdict?.confidence ?? [])),
    reward: mean(all.flatMap(({ reward }) => reward ?? [])),
    beginnings: [...beginnings]
      .sort(([, a], [, b]) => b - a)
      .slice(0, SHOWN_BEGINNINGS)
      .map(([text, count]) => ({ text, share: count / texts.length })),
  };
}

interface Looked {
  readonly round: number;
  readonly questions: readonly QuestionHead[];
}

/** Questions with a text that is like a leader's, which is the commonest text that is like no leader before it. */
function clustersOf(rounds: readonly Looked[]): QuestionCluster[] {
  const asked = rounds.flatMap(({ questions }) => questions.filter(({ question }) => question !== null));
  const leaders = leadersOf(counted(asked.map(({ question }) => question as string)));
  const members = groupBy(asked, ({ question }) => leaders.get(question as string) as string);
  const sizes = new Map(
    rounds.map(({ round, questions }) => [round, questions.filter((each) => each.question !== null).length]),
  );
  return [...members]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, SHOWN_CLUSTERS)
    .map(([name, questions]) => clusterOf(name, questions, sizes));
}

function clusterOf(
  name: string,
  questions: readonly QuestionHead[],
  sizes: ReadonlyMap<number, number>,
): QuestionCluster {
  const byRound = groupBy(questions, ({ round }) => round);
  return {
    name,
    questions: questions.length,
    rounds: [...byRound].map(([round, own]) => ({
      round,
      share: own.length / (sizes.get(round) as number),
      confidence: mean(own.flatMap(({ verdict }) => verdict?.confidence ?? [])),
      reward: mean(own.flatMap(({ reward }) => reward ?? [])),
    })),
    examples: evenly(questions, SHOWN_EXAMPLES).map(exampleOf),
  };
}

function exampleOf(head: QuestionHead): QuestionExample {
  const { episode, rollout, round, image, question, reward, verdict } = head;
  const confidence = verdict?.confidence ?? null;
  return { episode, rollout, round, image, question: question as string, reward, confidence };
}

/** The leader of each text: the likest of those before it that lead, of equally like ones the commonest. */
function leadersOf(texts: ReadonlyMap<string, number>): Map<string, string> {
  const leaders = new Map<string, string>();
  const names: string[] = [];
  const sizes: number[] = [];
  /** Which leaders have a word or a pair of words. */
  const leadersWith = new Map<string, number[]>();
  const shared = new Uint32Array(texts.size);
  for (const [text] of [...texts].sort(([, a], [, b]) => b - a)) {
    const words = wordsOf(text);
    const grams = new Set([...words, ...pairsOf(words)]);
    shared.fill(0, 0, names.length);
    for (const gram of grams)
      for (const leader of leadersWith.get(gram) ?? []) shared[leader] = (shared[leader] as number) + 1;
    let best = { name: text, likeness: ALIKE };
    for (let leader = 0; leader < names.length; leader++) {
      const common = shared[leader] as number;
      const likeness = common / (grams.size + (sizes[leader] as number) - common);
      if (likeness > best.likeness) best = { name: names[leader] as string, likeness };
    }
    leaders.set(text, best.name);
    if (best.name !== text) continue;
    for (const gram of grams) {
      const known = leadersWith.get(gram);
      if (known) known.push(names.length);
      else leadersWith.set(gram, [names.length]);
    }
    names.push(text);
    sizes.push(grams.size);
  }
  return leaders;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function pairsOf(words: readonly string[]): string[] {
  return words.slice(1).map((word, i) => `${words[i]} ${word}`);
}

/** Different ones among all, 0 to 1; 0 where there is none. */
function distinctShare(texts: readonly string[]): number {
  return new Set(texts).size / Math.max(1, texts.length);
}
