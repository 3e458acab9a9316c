import { groupBy } from "../common/group_by.ts";
import type { QuestionHead } from "../replay/questions.ts";
import type { ReplayReader } from "../replay/reader.ts";
import { bleuDistances, clusterByDistance } from "../rewards/diversity.ts";
import type { Closeness, CurriculumAnswer, CurriculumLine, Fate } from "./answers.ts";
import { evenly } from "./lists.ts";

/** Episodes of a round's curriculum whose questions are shown, at most; a glance sees the first of them. */
const SHOWN_EPISODES = 1500;
const GLANCED_AT = 24;

/** The Reasoner's episodes about one image that are looked through for one question. */
const LOOKED_THROUGH = 1000;

/** What was asked for the curriculum of a round, and what became of each question. */
export function curriculumOf(reader: ReplayReader, round: number, closeness: Closeness): CurriculumAnswer {
  const ids = reader.order({
    phases: ["curriculum"],
    ranges: { round: { min: round, max: round } },
    sort: { by: "time", order: "ascending" },
  });
  const shown = evenly(ids, SHOWN_EPISODES);
  const looked = closeness === "glance" ? shown.slice(0, GLANCED_AT) : shown;
  const damaged: number[] = [];
  const questions = reader.questions(looked, (id) => damaged.push(id));
  const clusters = clustersOf(questions);
  return {
    round,
    questions: questions.map((question) => lineOf(question, clusters)),
    episodes: ids.length,
    looked: looked.length,
    shown: shown.length,
    damaged,
  };
}

/** Questions that entered, by image, in clusters of near duplicates. */
function clustersOf(questions: readonly QuestionHead[]): Map<string, string[][]> {
  const entered = questions.filter(({ question, rejection }) => question !== null && rejection === null);
  const clusters = new Map<string, string[][]>();
  for (const [image, own] of groupBy(entered, ({ image: { id } }) => id)) {
    const texts = own.map(({ question }) => question as string);
    const labels = clusterByDistance(bleuDistances(texts));
    clusters.set(image, [...groupBy(texts, (_, i) => labels[i]).values()]);
  }
  return clusters;
}

function lineOf(head: QuestionHead, clusters: ReadonlyMap<string, readonly string[][]>): CurriculumLine {
  const { length: _, reward: __, text, ...line } = head;
  const own = head.rejection === null ? clusters.get(head.image.id) : undefined;
  const cluster = own?.find((texts) => texts.includes(head.question as string)) ?? [];
  return {
    ...line,
    text: head.question === null ? text : "",
    alike: cluster.filter((other) => other !== head.question),
  };
}

/** What the Reasoner made of a question of the curriculum since, the first time first. */
export function fateOf(reader: ReplayReader, image: string, question: string): Fate {
  const { episodes } = reader.episodes({
    phases: ["reasoner"],
    image,
    sort: { by: "time", order: "ascending" },
    limit: LOOKED_THROUGH,
  });
  return { passes: episodes.filter((episode) => episode.question === question) };
}
