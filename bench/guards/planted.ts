import { attribute } from "../../arena/attribution.ts";
import { sceneShows } from "../../arena/truth.ts";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import { describedIn, misperceive } from "../../images/scenes/demonstrate.ts";
import { drawQuestion } from "../../images/scenes/draw.ts";
import { families, formatQuestion, type SceneQuestion } from "../../images/scenes/questions.ts";
import { drawScene, type Layout } from "../../images/scenes/scene.ts";
import { solve } from "../../images/scenes/solve.ts";
import type { Policy } from "../../policy/port.ts";
import { Describer } from "../../reasoner/describer.ts";
import type { Answer } from "../../reasoner/reasoner.ts";
import { sameVote } from "../../reasoner/vote.ts";
import type { Cause } from "../../rewards/attribution.ts";

/** What the embedded model is told. */
const templates = { describer: "describe .", reader: "{description} . {question}", format: "tags" } as const;

/** Answers from each description, as by default. */
const samples = 4;

/** An answer with an error in one place, by plan. */
interface Planted {
  readonly question: string;
  readonly layout: Layout;
  readonly asked: SceneQuestion;
  readonly description: string;
  /** Whether what is concluded from the description is planted, too; else the model concludes. */
  readonly wrongConclusion: boolean;
  readonly cause: Cause;
}

/**
 * The share of planted errors that are attributed to their place: a description with one false fact; a wrong last step after
 * a right description; an answer that contradicts both. What the policy itself does in between is its own.
 */
export async function attributedRight(policy: Policy, cases: number, seed: number): Promise<number> {
  const planted = Array.from({ length: cases }, (_, i) => plant(i, new RandomStream(deriveSeed(seed, i))));
  const describer = new Describer(policy, templates);
  const sampling = { temperature: 0.6, topK: 0, topP: 1, maxTokens: 32, samples, seed };
  const concluded = await describer.conclude(planted, sampling);
  const right = planted.filter((each, i) => found(each, concluded[i] as Answer[]) === each.cause);
  return right.length / cases;
}

function plant(i: number, stream: RandomStream): Planted {
  const layout = drawScene("target", stream);
  const asked = drawQuestion(stream.pick(families), layout, stream);
  const question = formatQuestion(asked);
  const cause = (["grounding", "reasoning", "fusion"] as const)[i % 3] as Cause;
  const description = cause === "grounding" ? falsely(layout, asked, stream) : describedIn(layout);
  if (description === null) return plant(i, stream);
  return { question, layout, asked, description, wrongConclusion: cause === "reasoning", cause };
}

/** A description with one false fact that changes the answer; null where none was found. */
function falsely(layout: Layout, asked: SceneQuestion, stream: RandomStream): string | null {
  for (let tries = 0; tries < 50; tries++) {
    const seen = misperceive(layout, stream);
    if (solve(seen, asked).answer !== solve(layout, asked).answer) return describedIn(seen);
  }
  return null;
}

function found({ layout, asked, description, wrongConclusion }: Planted, concluded: Answer[]): Cause | null {
  const truth = solve(layout, asked).answer;
  const isRight = (vote: string | null) => sameVote(vote, truth);
  const standard = { by: "truth" as const, isRight, passes: 0.5 };
  const look = {
    description,
    concluded: wrongConclusion ? [] : concluded,
    checks: { truth: Number(sceneShows(layout, asked, description)) },
  };
  return attribute(look, standard, false).cause as Cause | null;
}
