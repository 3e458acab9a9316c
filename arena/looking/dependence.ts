import { inParallel } from "../../common/in_parallel.ts";
import { deriveSeed } from "../../common/random.ts";
import { type Given, givenBy, type Judging, score } from "../../environments/verify.ts";
import { shufflePatches } from "../../images/edit.ts";
import type { Answer, VisualQuestion } from "../../reasoner/reasoner.ts";
import type { Estimate, LookingFigure } from "../../replay/events.ts";
import type { EvaluationConfig } from "../config/evaluation.ts";
import type { Test } from "../ports.ts";
import { mean, meanDifference, meanScore } from "../statistics.ts";

/** What was done to a picture before its question was put again. */
export type Alteration = "other" | "shuffled" | "evidence" | "elsewhere";

/** A question about another picture than its own. */
export interface AlteredTest extends VisualQuestion {
  readonly test: Test;
  readonly alteration: Alteration;
  /** What is true of that picture; null where it is only known that the old answer is no longer. */
  readonly truths: readonly string[] | null;
}

/** Which of `length` tests are asked again: as many as wanted, spread evenly. */
export function isProbed(
  index: number,
  length: number,
  { dependence }: Pick<EvaluationConfig, "dependence">,
): boolean {
  const wanted = Math.min(length, dependence.questions);
  return Math.floor(((index + 1) * wanted) / length) > Math.floor((index * wanted) / length);
}

/**
 * The same questions about the picture of the next test that has another, about patches in a drawn order, and about
 * pictures of which the evidence was edited, and something else. `all` are the tests in memory.
 */
export async function alter(
  probed: readonly Test[],
  all: readonly Test[],
  { dependence, seed }: Pick<EvaluationConfig, "dependence" | "seed">,
): Promise<AlteredTest[]> {
  const altered = await inParallel(probed, 4, async (test): Promise<AlteredTest[]> => {
    const { image, question, truths } = test;
    const at = all.indexOf(test);
    const other = [...all.slice(at + 1), ...all.slice(0, at)].find((each) => each.image.id !== image.id);
    const shuffled = shufflePatches(image, dependence.patches, deriveSeed(seed, "shuffle", image.id));
    const { evidence = null, elsewhere = null } = (await test.edit?.()) ?? {};
    return [
      ...(other ? [{ test, alteration: "other" as const, image: other.image, question, truths }] : []),
      { test, alteration: "shuffled", image: shuffled, question, truths },
      ...(evidence ? [{ test, alteration: "evidence" as const, question, ...evidence }] : []),
      ...(elsewhere ? [{ test, alteration: "elsewhere" as const, truths, ...elsewhere }] : []),
    ];
  });
  return altered.flat();
}

/** How far one question's answer depends on its picture; null where there was no such picture. */
export interface DependenceMark {
  /** How right it is with the picture, blank, with another and with shuffled patches: 0 to 1. */
  readonly sighted: number;
  readonly blank: number;
  readonly other: number | null;
  readonly shuffled: number;
  /** Whether a right answer changed rightly with the evidence, and stayed right with anything else. */
  readonly changed: boolean | null;
  readonly stayed: boolean | null;
}

/** From this on an answer counts as right where only right or wrong counts. */
const RIGHT = 0.5;

/** Judges the answers that a question got, with and without its picture. */
export function dependenceMark(
  test: Test,
  { greedy, blind }: { readonly greedy: Answer; readonly blind: Answer },
  altered: readonly (readonly [AlteredTest, Answer])[],
  judging: Judging,
): DependenceMark {
  const scoreOf = (answer: Answer, truths = test.truths, question = test.question) =>
    score(judging, givenBy(answer), { question, truths });
  const find = (wanted: Alteration) => altered.find(([{ alteration }]) => alteration === wanted);
  const sighted = scoreOf(greedy);
  const [other, shuffled, evidence, elsewhere] = [
    find("other"),
    find("shuffled"),
    find("evidence"),
    find("elsewhere"),
  ];
  const isRight = sighted >= RIGHT;
  return {
    sighted,
    blank: scoreOf(blind),
    other: other ? scoreOf(other[1]) : null,
    shuffled: shuffled ? scoreOf(shuffled[1]) : 0,
    changed: evidence && isRight ? changesRightly(evidence, scoreOf) : null,
    stayed: elsewhere && isRight ? scoreOf(elsewhere[1], test.truths, elsewhere[0].question) >= RIGHT : null,
  };
}

/** Where nobody knows what is true now, any answer but the old one is right, and so is none. */
function changesRightly(
  [{ truths }, answer]: readonly [AlteredTest, Answer],
  scoreOf: (answer: Answer, truths?: readonly string[]) => number,
): boolean {
  if (truths !== null) return scoreOf(answer, truths) >= RIGHT;
  const given: Given = givenBy(answer);
  return given.vote !== null && scoreOf(answer) < RIGHT;
}

/** Figures of such marks; those of which there are none are left out. */
export function dependenceFigures(
  marks: readonly DependenceMark[],
): Partial<Record<LookingFigure, Estimate>> {
  if (marks.length === 0) return {};
  const others = marks.flatMap(({ other }) => other ?? []);
  const differences = marks.map(
    ({ sighted, blank, other, shuffled }) =>
      sighted - mean([blank, shuffled, ...(other === null ? [] : [other])]),
  );
  const [changed, stayed] = [
    marks.flatMap(({ changed }) => changed ?? []),
    marks.flatMap(({ stayed }) => stayed ?? []),
  ];
  return {
    dependence: meanDifference(differences),
    sighted: meanScore(marks.map(({ sighted }) => sighted)),
    blank: meanScore(marks.map(({ blank }) => blank)),
    ...(others.length > 0 && { other: meanScore(others) }),
    shuffled: meanScore(marks.map(({ shuffled }) => shuffled)),
    ...(changed.length > 0 && { sensitivity: meanScore(changed.map(Number)) }),
    ...(stayed.length > 0 && { stability: meanScore(stayed.map(Number)) }),
  };
}
