import { concat, defer, forkJoin, map, type Observable, of } from "rxjs";
import { inParallel } from "../common/in_parallel.ts";
import { deriveSeed } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import { blank, type RgbImage } from "../images/image.ts";
import { balancedQuestions, type TestQuestion } from "../images/scenes/draw.ts";
import { type Family, families, formatQuestion } from "../images/scenes/questions.ts";
import { SceneSource } from "../images/scenes/source.ts";
import type { ReasonerTemplates } from "../reasoner/prompt.ts";
import { type Answer, Reasoner, type VisualQuestion } from "../reasoner/reasoner.ts";
import { agrees, sameVote, vote } from "../reasoner/vote.ts";
import type { EvaluationReport, Scores } from "../replay/events.ts";
import { trueLabel } from "./admission.ts";
import type { RunConfig } from "./config/config.ts";
import { fromAbortable } from "./from_abortable.ts";
import { pipeline } from "./pipeline.ts";
import type { Evaluator } from "./ports.ts";
import { meanShare, proportion, shareOf } from "./statistics.ts";

/** A question about a held-out scene, ready to be asked. */
interface Test extends VisualQuestion {
  readonly family: Family;
  readonly label: string;
}

/** How one question was answered. */
interface Mark {
  readonly family: Family;
  readonly greedy: boolean;
  readonly abstained: boolean;
  readonly unparsed: boolean;
  readonly blind: boolean;
  /** Share of right samples at temperature 1, and at 0.6. */
  readonly warm: number;
  readonly cool: number;
  readonly majority: boolean;
}

/**
 * Measures a Reasoner on held-out scenes, whose labels no training ever sees: the same questions, in the same
 * order, with the same seeds each time, so that two reports differ by the policy alone. Null if no questions are
 * wanted. While one chunk of questions is answered, the next one's scenes are drawn.
 */
export function sceneEvaluator(config: RunConfig, templates: ReasonerTemplates): Evaluator | null {
  const { domain, scenes, questions, questionsPerChunk, samples, seed } = config.evaluation;
  if (questions === 0) return null;
  const source = new SceneSource({ domain, count: scenes, seed: deriveSeed(seed, "held out") });
  const tests = balancedQuestions(source, questions, seed).sort((a, b) => a.index - b.index);
  const chunkAt = (chunk: number) => tests.slice(chunk * questionsPerChunk, (chunk + 1) * questionsPerChunk);
  return (policy) =>
    defer(() => {
      const reasoner = new Reasoner(policy, templates);
      const marks: Mark[] = [];
      const answered = pipeline(
        Math.ceil(tests.length / questionsPerChunk),
        (chunk) => draw(source, chunkAt(chunk)),
        (drawn, chunk) => examine(reasoner, drawn, config, chunk),
      );
      const progress = answered.pipe(map((more) => ({ done: marks.push(...more), total: tests.length })));
      return concat(
        progress,
        defer(() => of({ report: reportOn(marks, samples) })),
      );
    });
}

/** The questions of a chunk with their scenes, each drawn once. */
async function draw(source: SceneSource, tests: readonly TestQuestion[]): Promise<Test[]> {
  const indices = [...new Set(tests.map(({ index }) => index))];
  const scenes = await inParallel(indices, 4, (index) => source.draw(index));
  const images = new Map(zip(indices, scenes));
  return tests.map(({ index, question, answer }) => {
    const text = formatQuestion(question);
    const image = images.get(index) as RgbImage;
    return { image, question: text, family: question.family, label: trueLabel(text, answer) };
  });
}

/** Answers a chunk of questions greedily, blindly, and in samples at temperatures 1 and 0.6. */
function examine(
  reasoner: Reasoner,
  tests: readonly Test[],
  { evaluation, reasoner: { maxTokens } }: RunConfig,
  chunk: number,
): Observable<Mark[]> {
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
  return forkJoin([
    sample("greedy", tests, 1, 0),
    sample("blind", blinded, 1, 0),
    sample("warm", tests, evaluation.samples, 1),
    sample("cool", tests, evaluation.samples, 0.6),
  ]).pipe(
    map(([greedy, blind, warm, cool]) =>
      tests.map((test, i) => mark(test, greedy[i] ?? [], blind[i] ?? [], warm[i] ?? [], cool[i] ?? [])),
    ),
  );
}

function mark(
  { family, label }: Test,
  greedy: readonly Answer[],
  blind: readonly Answer[],
  warm: readonly Answer[],
  cool: readonly Answer[],
): Mark {
  const isRight = ({ parsed }: Answer) => agrees(parsed, label);
  return {
    family,
    greedy: greedy.some(isRight),
    abstained: greedy.some(({ parsed }) => parsed.outcome === "abstained"),
    unparsed: greedy.some(({ parsed }) => parsed.outcome === "unparsed"),
    blind: blind.some(isRight),
    warm: shareOf(warm, isRight),
    cool: shareOf(cool, isRight),
    majority: sameVote(vote(warm).silver, label),
  };
}

function reportOn(marks: readonly Mark[], samples: number): EvaluationReport {
  const ofFamily = (family: Family) => marks.filter((each) => each.family === family);
  return {
    samples,
    overall: scoresOf(marks),
    families: Object.fromEntries(families.map((family) => [family, scoresOf(ofFamily(family))])),
  };
}

function scoresOf(marks: readonly Mark[]): Scores {
  const share = (holds: (mark: Mark) => boolean) => proportion(marks.filter(holds).length, marks.length);
  return {
    questions: marks.length,
    greedy: share(({ greedy }) => greedy),
    mean8: meanShare(marks.map(({ warm }) => warm)),
    mean8_t06: meanShare(marks.map(({ cool }) => cool)),
    maj8: share(({ majority }) => majority),
    pass8: share(({ warm }) => warm > 0),
    blind: share(({ blind }) => blind),
    abstention: share(({ abstained }) => abstained),
    parseFailure: share(({ unparsed }) => unparsed),
  };
}
