import { zip } from "../common/zip.ts";
import type { CheckerName, ClaimChecker, PictureClaim } from "../environments/checkers/claim_checker.ts";
import { view } from "../images/views.ts";
import { promptAbout } from "../policy/prompts.ts";
import type { Describer } from "../reasoner/describer.ts";
import type { VisualQuestion } from "../reasoner/reasoner.ts";
import { contentWords } from "../rewards/words.ts";
import type { Reference } from "../training/grpo.ts";
import type { CheckerConfig } from "./config/attribution.ts";
import { isolateFailures } from "./isolate_failures.ts";
import { mean } from "./statistics.ts";

/** What is asked of each claim. */
const verification = (claim: string) =>
  `Look at the image. Is the following true of it?\n${claim}\nAnswer with one word, yes or no.`;

/**
 * Shows a model the picture and asks it of each claim whether it is so: the probability of yes against no. It cannot tell of a
 * picture that it cannot take.
 */
export function askingChecker(
  name: CheckerName & ("policy" | "base"),
  model: Reference,
  encode: (completion: string) => Int32Array,
): ClaimChecker {
  const completions = ["yes", "no"].map((tokens) => ({ tokens: encode(tokens) }));
  const ask = async (claims: readonly PictureClaim[], signal?: AbortSignal): Promise<number[]> => {
    const groups = claims.map(({ image, claim }) => ({
      prompt: promptAbout(image, verification(claim)),
      completions,
    }));
    const scores = await model.score(groups, 1, signal);
    return scores.map((score) => {
      const [yes, no] = score.map(sum) as [number, number];
      return 1 / (1 + Math.exp(no - yes));
    });
  };
  return {
    name,
    check: (claims, signal) =>
      isolateFailures(
        claims,
        0,
        (some) => ask(some, signal),
        () => {},
      ),
  };
}

export interface ViewOptions {
  /** Other views that are described. */
  readonly views: number;
  readonly maxTokens: number;
  readonly seed: number;
}

/**
 * Has other views of a picture, in other light and noise, described: the mean over them of the share of a claim's pairs of
 * neighbouring words, but for those that any text has, that stand together there, too (after SelfCheckGPT, arXiv 2303.08896).
 * It cannot tell where no other view could be described, or the claim has no such words.
 */
export function viewsChecker(describer: Describer, { views, maxTokens, seed }: ViewOptions): ClaimChecker {
  const sampling = { temperature: 0, topK: 0, topP: 1, maxTokens, seed };
  return {
    name: "views",
    async check(claims, signal) {
      const questions = [...new Map(claims.map((claim) => [keyOf(claim), claim])).values()];
      const others = new Map(questions.map((question) => [keyOf(question), [] as Set<string>[]]));
      for (let k = 1; k <= views; k++) {
        const shown = await Promise.all(
          questions.map(async ({ image, question }) => ({
            image: await view(image, k, seed, signal),
            question,
          })),
        );
        const descriptions = await describer.describeOnce(shown, sampling, signal);
        for (const [question, description] of zip(questions, descriptions))
          if (description !== null)
            others
              .get(keyOf(question))
              ?.push(new Set([...contentWords(description), ...wordPairs(description)]));
      }
      return claims.map((claim) => {
        const pairs = wordPairs(claim.claim);
        const seen = others.get(keyOf(claim)) as Set<string>[];
        if (pairs.length === 0 || seen.length === 0) return null;
        return mean(seen.map((other) => mean(pairs.map((pair) => Number(other.has(pair))))));
      });
    },
  };
}

function keyOf({ image, question }: VisualQuestion): string {
  return `${image.id} ${question}`;
}

/** Neighbouring content words in any order; a word alone where there is but one. */
function wordPairs(text: string): string[] {
  const words = contentWords(text);
  const [only] = words;
  if (words.length < 2) return only === undefined ? [] : [only];
  return words.slice(1).flatMap((word, i) => [[words[i], word].sort().join(" ")]);
}

/** All who could check. */
interface Checkers {
  /** Those that were opened for it: what the user named. */
  readonly named: readonly ClaimChecker[];
  readonly base: ClaimChecker;
  readonly views: ClaimChecker;
}

/**
 * Who checks what no truth is known of, in turn: each is asked what those before it could not tell. `auto` is what the user named, and
 * the base where there is no other model that can tell of anything.
 */
export function checkersOf(
  { kind }: Pick<CheckerConfig, "kind">,
  { named, base, views }: Checkers,
): ClaimChecker[] {
  switch (kind) {
    case "truth":
      return [];
    case "base":
      return [base];
    case "views":
      return [views];
    case "auto":
      return named.some(({ name }) => name === "policy") ? [...named] : [...named, base];
    default:
      return named.filter(({ name }) => name === kind);
  }
}

/** Whether the truth is asked where it is known. */
export function asksTruth({ kind }: Pick<CheckerConfig, "kind">): boolean {
  return kind === "auto" || kind === "truth";
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
