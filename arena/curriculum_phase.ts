import type { Observable } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import { textOf } from "../policy/prompts.ts";
import { consensus } from "../reasoner/consensus.ts";
import { trueLabel } from "../reasoner/vote.ts";
import type {
  CurriculumEpisode,
  CurriculumQuestion,
  CurriculumStep,
  EventBody,
  RunEvent,
} from "../replay/events.ts";
import { type Admission, admit, reject, repeats } from "./admission.ts";
import { samplingOf } from "./config/learning.ts";
import { builtEvent } from "./curriculum.ts";
import { itemsInTurn } from "./data_order.ts";
import { bothAgree, describedRecord } from "./described_votes.ts";
import { type Asked, ask, load, type Question } from "./dialogue.ts";
import { healthOf } from "./health.ts";
import { playPhase } from "./phase.ts";
import { answerRecords, questionRecord } from "./records.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";
import { meanConfidence, type Poll, poll, verifiedShare } from "./votes.ts";

/**
 * The Questioner asks about a pool of images, the Reasoner votes, and what the votes make worth learning enters
 * the curriculum.
 *
 *     Questioner's worker   ask i+1
 *     Reasoner's worker     answer i
 *     main thread           decode i+1
 *
 * While the Reasoner answers one chunk of images, the next is decoded and the Questioner asks about it.
 */
export function curriculumPhase(run: Run, round: number): Observable<RunEvent> {
  const { curriculum: config, questioner } = run.config;
  const asking = { ...samplingOf(questioner), groupSize: config.questionsPerImage };
  return playPhase(run, {
    round,
    phase: "curriculum",
    steps: Math.ceil(poolSize(run) / config.imagesPerChunk),
    prepare: async (step) => ask(step, await load(step, imagesOf(step)), asking),
    play: async (step, asked): Promise<EventBody[]> => {
      const episodes = await label(step, asked);
      return [...episodes, figures(step, episodes)];
    },
    conclude: () => {
      const { curriculum } = run.progress;
      if (curriculum.images === 0) throw noImageError(run);
      return [builtEvent(curriculum, round, run.ports.truth !== null)];
    },
  });
}

function poolSize({ config, ports }: Run): number {
  return Math.min(config.curriculum.images, ports.images.length);
}

function imagesOf({ run, place: { round, step } }: Step): number[] {
  const { imagesPerChunk } = run.config.curriculum;
  const pool = poolSize(run);
  const count = Math.min(imagesPerChunk, pool - step * imagesPerChunk);
  const first = (round - 1) * pool + step * imagesPerChunk;
  return itemsInTurn(run.seed("curriculum.images"), first, count, run.ports.images.length);
}

function noImageError(run: Run): VisplayError {
  return new VisplayError(
    "images",
    `none of ${poolSize(run)} images could be used, expected at least one; change images.data`,
  );
}

/** A question with what became of it; no poll where it was not put, or not answered. */
interface Labelled extends Question {
  readonly poll: Poll | null;
  readonly admission: Admission;
}

/** The Reasoner votes on every question that is well formed and new, and what can be learnt from is admitted. */
async function label(step: Step, asked: readonly Asked[]): Promise<CurriculumEpisode[]> {
  const { run } = step;
  const repeated = await repeatsAmong(run, asked);
  const open = asked.flatMap(({ questions }) =>
    questions.flatMap((question) => (question.open && !repeated.has(question) ? [question.open] : [])),
  );
  const polls = await poll(step, open, { purpose: "answer" });
  const withLabel = (question: Question): Labelled => {
    const voted = (question.open && polls.get(question.open)) ?? null;
    return { ...question, poll: voted, admission: admission(run, question, voted, repeated.has(question)) };
  };
  return mapInSlices(asked, (each) => episode(step, each, each.questions.map(withLabel)), run.signal);
}

/** The questions that the run has in a curriculum already, or earlier in this list, if each is to enter only once. */
async function repeatsAmong({ config, ports }: Run, asked: readonly Asked[]): Promise<Set<Question>> {
  if (!config.curriculum.dropDuplicates) return new Set();
  const admitted = await ports.log.admittedQuestions(asked.map(({ ref }) => ref.id));
  return new Set(
    zip(asked, admitted).flatMap(([{ questions }, before]) => {
      const texts = questions.map(({ open }) => open?.question ?? null);
      return zip(questions, repeats(texts, before)).flatMap(([each, isRepeat]) => (isRepeat ? [each] : []));
    }),
  );
}

function admission(
  { config, ports }: Run,
  { open }: Question,
  voted: Poll | null,
  isRepeated: boolean,
): Admission {
  if (!open) return reject("malformed");
  if (!voted) return reject(isRepeated ? "duplicate" : "failed");
  const { verdict, described, blind } = voted;
  if (config.curriculum.evidence.use === "required" && !bothAgree(verdict, described))
    return reject("contradicted");
  const admitted = admit(verdict, config.curriculum, blind);
  if (admitted.rejection !== null || config.reasoner.labels === "silver") return admitted;
  const truth = ports.truth?.answer(open.ref.index, open.question) ?? null;
  return truth === null ? reject("meaningless") : { rejection: null, label: trueLabel(open.question, truth) };
}

function episode(
  step: Step,
  { ref: image, prompt }: Asked,
  questions: readonly Labelled[],
): CurriculumEpisode {
  const { run, place } = step;
  return {
    type: "curriculumEpisode",
    round: place.round,
    phase: "curriculum",
    step: place.step,
    role: "questioner",
    image,
    prompt: textOf(prompt),
    versions: run.progress.versions,
    questions: questions.map(({ poll, admission, ...question }): CurriculumQuestion => {
      const record = questionRecord(step, question, poll?.given ?? null, poll?.verdict ?? null);
      const blindAnswers = answerRecords(step, poll?.blind?.given ?? null);
      const described = poll?.described ? describedRecord(poll.described, admission.label) : null;
      const solution = described?.solution ? null : solutionOf(poll, admission);
      return { ...record, blindAnswers, described, ...admission, solution };
    }),
  };
}

/** The vote to imitate; none of what took several turns. */
function solutionOf(poll: Poll | null, { label }: Admission): number | null {
  if (!poll || label === null || poll.given.tools) return null;
  return consensus(poll.given.answers, label);
}

function figures(step: Step, episodes: readonly CurriculumEpisode[]): CurriculumStep {
  const questions = episodes.flatMap((episode) => episode.questions);
  const verdicts = questions.map(({ verdict }) => verdict).filter((verdict) => verdict !== null);
  return {
    type: "curriculumStep",
    ...step.place,
    phase: "curriculum",
    role: "questioner",
    ...step.measurements(),
    health: healthOf(episodes.map((episode) => episode.questions)),
    questions: questions.length,
    admitted: questions.filter(({ rejection }) => rejection === null).length,
    meanConfidence: meanConfidence(verdicts),
    verified: verifiedShare(verdicts),
  };
}
