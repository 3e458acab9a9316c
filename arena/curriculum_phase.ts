import { concatMap, from, map, type Observable, of } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type {
  CurriculumEpisode,
  CurriculumQuestion,
  CurriculumStep,
  EventBody,
  RunEvent,
} from "../replay/events.ts";
import { type Admission, admit, rejected, repeats, trueLabel } from "./admission.ts";
import { answerRecords, questionRecord } from "./as_records.ts";
import { Curriculum } from "./curriculum.ts";
import { itemsInTurn } from "./data_order.ts";
import { type Asked, ask, load, type OpenQuestion, openQuestions } from "./dialogue.ts";
import { healthOf } from "./health.ts";
import { inSlices } from "./in_slices.ts";
import { playPhase } from "./phase.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";
import { meanConfidence, type Poll, poll } from "./votes.ts";

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
  return playPhase(run, {
    round,
    phase: "curriculum",
    steps: Math.ceil(poolSize(run) / config.imagesPerChunk),
    begin: () => {
      run.curriculum = new Curriculum(run.ports.truth);
    },
    prepare: (step) =>
      load(step, imagesOf(step)).pipe(
        concatMap((images) => ask(step, images, config.questionsPerImage, questioner)),
      ),
    play: (step, asked) =>
      label(step, asked).pipe(
        concatMap((episodes) =>
          inSlices(episodes, (episode) => run.curriculum.add(episode)).pipe(
            map((): EventBody[] => [...episodes, figures(step, episodes)]),
          ),
        ),
      ),
    conclude: () => {
      if (run.curriculum.images === 0) throw nothingUsable(run);
      return [run.curriculum.built(round)];
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

function nothingUsable(run: Run): VisplayError {
  return new VisplayError(
    "images",
    `none of ${poolSize(run)} images could be used, expected at least one; change images.folder`,
  );
}

/** The Reasoner votes on every question that is well formed and new. */
function label(step: Step, asked: readonly Asked[]): Observable<CurriculumEpisode[]> {
  return worthAsking(step.run, asked).pipe(
    concatMap((open) =>
      poll(step, open, { purpose: "answer" }).pipe(
        concatMap((polls) =>
          inSlices(asked, (each, i) => episode(step, each, open[i] ?? [], polls[i] ?? [])),
        ),
      ),
    ),
  );
}

/** The questions, [images][G], without those that the run has in a curriculum already, if each is to enter only once. */
function worthAsking({ config, ports }: Run, asked: readonly Asked[]): Observable<(OpenQuestion | null)[][]> {
  const open = asked.map(openQuestions);
  if (!config.curriculum.dropDuplicates) return of(open);
  return from(ports.log.admittedQuestions(asked.map(({ ref }) => ref.id))).pipe(
    map((admitted) =>
      open.map((questions, i) => {
        const repeated = repeats(
          questions.map((each) => each?.question ?? null),
          admitted[i],
        );
        return questions.map((each, j) => (repeated[j] ? null : each));
      }),
    ),
  );
}

function episode(
  { run, place: { round, step } }: Step,
  asked: Asked,
  open: readonly (OpenQuestion | null)[],
  polls: readonly (Poll | null)[],
): CurriculumEpisode {
  const questions = asked.completions.map((completion, i): CurriculumQuestion => {
    const parsed = asked.questions[i] as (typeof asked.questions)[number];
    const voted = polls[i] ?? null;
    const record = questionRecord(completion, parsed, voted?.given ?? null, voted?.verdict ?? null);
    const blind = voted?.blind && { blindAnswers: answerRecords(voted.blind.given) };
    return {
      ...record,
      ...blind,
      ...admission(run, asked.ref.index, record.question, voted, open[i] != null),
    };
  });
  return {
    type: "curriculumEpisode",
    round,
    phase: "curriculum",
    step,
    image: asked.ref,
    prompt: asked.prompt.text,
    versions: { ...run.versions },
    questions,
  };
}

function admission(
  { config, ports }: Run,
  image: number,
  question: string | null,
  voted: Poll | null,
  wasAsked: boolean,
): Admission {
  if (question === null) return rejected("malformed");
  if (!voted) return rejected(wasAsked ? "failed" : "duplicate");
  const admitted = admit(voted.verdict, config.curriculum, voted.blind?.agreement ?? null);
  if (admitted.rejection !== null || config.reasoner.labels === "silver") return admitted;
  const truth = ports.truth?.(image, question) ?? null;
  return truth === null ? rejected("meaningless") : { rejection: null, label: trueLabel(question, truth) };
}

function figures(step: Step, episodes: readonly CurriculumEpisode[]): CurriculumStep {
  const questions = episodes.flatMap((episode) => episode.questions);
  const verdicts = questions.map(({ verdict }) => verdict).filter((verdict) => verdict !== null);
  return {
    type: "curriculumStep",
    ...step.place,
    phase: "curriculum",
    ...step.measurements(),
    health: healthOf(episodes.map((episode) => episode.questions)),
    questions: questions.length,
    admitted: questions.filter(({ rejection }) => rejection === null).length,
    meanConfidence: meanConfidence(verdicts),
  };
}
