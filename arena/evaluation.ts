import { concat, concatMap, defer, forkJoin, map, type Observable, of } from "rxjs";
import { deriveSeed } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import type { ClaimChecker } from "../environments/checkers/claim_checker.ts";
import { givenBy, score } from "../environments/verify.ts";
import { blank } from "../images/image.ts";
import { shrinkTarget } from "../images/scaling.ts";
import type { Fit } from "../images/shrink.ts";
import { Describer } from "../reasoner/describer.ts";
import type { DescriptionTemplates, ReasonerTemplates } from "../reasoner/prompt.ts";
import type { Answer, VisualQuestion } from "../reasoner/reasoner.ts";
import { vote, voteOf } from "../reasoner/vote.ts";
import type { AttributionRecord, EvaluationReport, Scores } from "../replay/events.ts";
import { type CertaintyReader, certaintyReader } from "../rewards/certainty.ts";
import { baseOf } from "../training/grpo.ts";
import { Answerer } from "./answerer.ts";
import { attribute, type CheckedLook, type Standard } from "./attribution.ts";
import { type CalibrationMark, calibrationFigures } from "./calibration.ts";
import { askingChecker, checkersOf, viewsChecker } from "./checkers.ts";
import type { RunConfig } from "./config/config.ts";
import { lookChecked, type Seeing, tally } from "./examined_causes.ts";
import { fromAbortable } from "./from_abortable.ts";
import {
  type AlteredTest,
  alter,
  type DependenceMark,
  dependenceFigures,
  dependenceMark,
  isProbed,
} from "./looking/dependence.ts";
import { EncoderProbe } from "./looking/encoder.ts";
import { hallucination } from "./looking/hallucination.ts";
import { outcomesOf } from "./outcomes.ts";
import { pipeline } from "./pipeline.ts";
import type { Evaluator, Test, Tests } from "./ports.ts";
import { mean, meanScore, meanShare } from "./statistics.ts";

/** The answers to one question: greedy, with the image blanked, samples at temperatures 1 and 0.6, and in two steps. */
export interface AnsweredTest {
  readonly test: Test;
  readonly greedy: Answer;
  readonly blind: Answer;
  readonly warm: readonly Answer[];
  readonly cool: readonly Answer[];
  /** To the same question about other pictures; null where it was not asked again. */
  readonly altered: readonly (readonly [AlteredTest, Answer])[] | null;
  /** Null where that was not asked. */
  readonly look: CheckedLook | null;
}

/** How one question was answered; what is right is a score from 0 to 1. */
export interface Mark {
  readonly group: string | null;
  readonly greedy: number;
  readonly abstained: number;
  readonly unparsed: number;
  readonly blind: number;
  /** Means of the samples at temperature 1, and at 0.6. */
  readonly warm: number;
  readonly cool: number;
  readonly majority: number;
  readonly best: number;
  readonly calibration: CalibrationMark;
  /** Where the greedy answer went wrong; null where nobody looked. */
  readonly attribution: AttributionRecord | null;
}

/** What a Reasoner is asked with. */
export interface Asking {
  readonly templates: ReasonerTemplates & DescriptionTemplates;
  /** As `RunPorts.encode`. */
  encode(completion: string): Int32Array;
  /** As `RunPorts.checkers`. */
  readonly checkers: readonly ClaimChecker[];
}

/**
 * Measures a Reasoner on questions whose answers no training ever sees: the same, in the same order, with the same seeds
 * each time, so that two reports differ by the policy alone. Null if there are none. While one chunk of questions is
 * answered, the next one is read. `take` is given each question with its answers and marks.
 */
export function evaluator(
  config: RunConfig,
  tests: Tests | null,
  { templates, encode, checkers }: Asking,
  take: (answered: AnsweredTest, mark: Mark) => void = () => {},
): Evaluator | null {
  if (tests === null || tests.length === 0) return null;
  const { questionsPerChunk, samples } = config.evaluation;
  const sureness = certaintyReader(config.certainty.hedges);
  const encoder = new EncoderProbe(config.evaluation, tests);
  return (policy, tools = null) =>
    defer(() => policy.info()).pipe(
      concatMap(({ scaling }) => {
        // Tools look at what the policy sees smaller.
        const fit: Fit = (size) => (tools ? null : shrinkTarget(scaling, size));
        const reasoner = new Answerer(policy, templates, tools);
        const describer = new Describer(policy, templates);
        const asked = {
          reasoner,
          describer,
          checkers: checkersOf(config.attribution.checker, {
            named: checkers,
            base: askingChecker("base", baseOf(policy), encode),
            views: viewsChecker(describer, {
              views: config.attribution.checker.views,
              maxTokens: config.reasoner.maxTokens,
              seed: config.evaluation.seed,
            }),
          }),
        };
        const marks: Mark[] = [];
        const looks: DependenceMark[] = [];
        const answered = pipeline(
          Math.ceil(tests.length / questionsPerChunk),
          (chunk) => tests.read(chunk * questionsPerChunk, (chunk + 1) * questionsPerChunk, fit),
          (read, chunk) =>
            examine(asked, read, config, { chunk, total: tests.length }).pipe(
              map((examined) => ({ examined, chunk })),
            ),
        );
        const progress = answered.pipe(
          map(({ examined, chunk }) => {
            for (const each of examined) {
              const given = mark(each, config, sureness);
              marks.push(given);
              if (each.altered) looks.push(dependenceMark(each.test, each, each.altered, config.evaluation));
              take(each, given);
            }
            return { done: Math.min(tests.length, (chunk + 1) * questionsPerChunk), total: tests.length };
          }),
        );
        return concat(
          progress,
          fromAbortable(async (signal) => ({
            ...(await lookAtKnown({ policy, reasoner }, tests, config, fit, signal)),
            ...(await encoder.measure(policy, fit, signal)),
          })).pipe(
            map((known) => {
              const looking = { ...dependenceFigures(looks), ...known };
              return { report: { ...reportOn(marks, tests.groups, samples), looking } };
            }),
          ),
        );
      }),
    );
}

/** Whether it makes things up, where the tests' pictures can show that. */
async function lookAtKnown(
  asked: Parameters<typeof hallucination>[0],
  { known }: Tests,
  config: RunConfig,
  fit: Fit,
  signal: AbortSignal,
): Promise<EvaluationReport["looking"]> {
  return known === null ? {} : hallucination(asked, known, config, fit, signal);
}

/** How a Reasoner is examined. */
interface Examined extends Seeing {
  readonly reasoner: Answerer;
}

/**
 * Answers a chunk of questions greedily, blindly, in samples at temperatures 1 and 0.6, from descriptions, and some about other
 * pictures.
 */
function examine(
  { reasoner, ...seen }: Examined,
  tests: readonly Test[],
  config: RunConfig,
  { chunk, total }: { readonly chunk: number; readonly total: number },
): Observable<AnsweredTest[]> {
  const {
    evaluation,
    reasoner: { maxTokens },
  } = config;
  if (tests.length === 0) return of([]);
  const sample = (
    purpose: string,
    asked: readonly VisualQuestion[],
    samples: number,
    temperature: number,
  ) => {
    const seed = deriveSeed(evaluation.seed, purpose, chunk);
    const options = { samples, temperature, topK: 0, topP: 1, maxTokens, seed };
    return fromAbortable((signal) => reasoner.answer(asked, options, signal)).pipe(
      map((given) => given.map(({ answers }) => answers)),
    );
  };
  const blinded = tests.map(({ image, question }) => ({ image: blank(image), question }));
  const first = chunk * evaluation.questionsPerChunk;
  const probed = tests.filter((_, i) => isProbed(first + i, total, evaluation));
  const altered = defer(() => alter(probed, tests, evaluation)).pipe(
    concatMap((altered) =>
      altered.length === 0
        ? of([])
        : sample("altered", altered, 1, 0).pipe(map((given) => zip(altered, given.flat()))),
    ),
  );
  return forkJoin([
    sample("greedy", tests, 1, 0),
    sample("blind", blinded, 1, 0),
    sample("warm", tests, evaluation.samples, 1),
    sample("cool", tests, evaluation.samples, 0.6),
    altered,
    config.attribution.evaluation
      ? fromAbortable((signal) => lookChecked(seen, tests, config, chunk, signal))
      : of(null),
  ]).pipe(
    map(([greedy, blind, warm, cool, altered, looks]) =>
      tests.map((test, i) => ({
        test,
        greedy: greedy[i]?.[0] as Answer,
        blind: blind[i]?.[0] as Answer,
        warm: warm[i] ?? [],
        cool: cool[i] ?? [],
        altered: probed.includes(test) ? altered.filter(([about]) => about.test === test) : null,
        look: looks?.[i] ?? null,
      })),
    ),
  );
}

function mark(
  { test, greedy, blind, warm, cool, look }: AnsweredTest,
  config: RunConfig,
  sureness: CertaintyReader,
): Mark {
  const judging = config.evaluation;
  const scoreOf = (answer: Answer) => score(judging, givenBy(answer), test);
  const scores = warm.map(scoreOf);
  const ofVote = (answer: string | null) =>
    score(judging, { vote: answer, text: answer, written: answer }, test);
  const standard: Standard = {
    by: test.shows ? "truth" : "label",
    isRight: (answer) => ofVote(answer) >= rightFrom,
    passes: config.attribution.checker.passes,
  };
  const right = scoreOf(greedy) >= rightFrom;
  const verdict = vote(warm);
  const majority = ofVote(verdict.silver);
  const stated = voteOf(greedy.parsed) === null ? null : sureness(greedy.completion.text);
  return {
    group: test.group,
    greedy: scoreOf(greedy),
    abstained: Number(greedy.parsed.outcome === "abstained"),
    unparsed: Number(greedy.parsed.outcome === "unparsed"),
    blind: scoreOf(blind),
    warm: mean(scores),
    cool: mean(cool.map(scoreOf)),
    majority,
    best: Math.max(0, ...scores),
    calibration: {
      votes: verdict.silver === null ? null : { stated: verdict.confidence, right: majority },
      statement: stated === null ? null : { stated, right: scoreOf(greedy) },
    },
    attribution: look && attribute(look, standard, right),
  };
}

/** Answers that are judged by degrees are right from here on. */
const rightFrom = 0.5;

function reportOn(
  marks: readonly Mark[],
  groups: readonly string[],
  samples: number,
): Omit<EvaluationReport, "looking"> {
  const ofGroup = (group: string) => marks.filter((each) => each.group === group);
  return {
    samples,
    overall: scoresOf(marks),
    families: Object.fromEntries(groups.map((group) => [group, scoresOf(ofGroup(group))])),
    calibration: calibrationFigures(marks.map(({ calibration }) => calibration)),
    attribution: tally(marks, groups),
    outcomes: outcomesOf(marks, samples),
  };
}

function scoresOf(marks: readonly Mark[]): Scores {
  const share = (scoreOf: (mark: Mark) => number) => meanScore(marks.map(scoreOf));
  return {
    questions: marks.length,
    greedy: share(({ greedy }) => greedy),
    mean8: meanShare(marks.map(({ warm }) => warm)),
    mean8_t06: meanShare(marks.map(({ cool }) => cool)),
    maj8: share(({ majority }) => majority),
    pass8: share(({ best }) => best),
    blind: share(({ blind }) => blind),
    abstention: share(({ abstained }) => abstained),
    parseFailure: share(({ unparsed }) => unparsed),
  };
}
