import { deriveSeed, RandomStream } from "../../common/random.ts";
import {
  exclusive,
  type Family,
  families,
  formatQuestion,
  hasMeaning,
  type Kind,
  type SceneQuestion,
  type Side,
  sides,
} from "./questions.ts";
import { type Cell, colors, type Layout, shapes } from "./scene.ts";
import { solve, unanswerable } from "./solve.ts";

/** The answers that a balanced mix asks for equally often; a repeated one weighs more. */
const wantedAnswers: Record<Family, readonly string[]> = {
  count: ["0", "1", "2", "3"],
  exist: ["yes", "no"],
  color: [...colors, unanswerable, unanswerable],
  shape: [...shapes, unanswerable],
  more: ["yes", "no"],
  relation: ["yes", "yes", "no", "no", unanswerable],
  sum: ["0", "1", "2", "3", "4"],
};

/**
 * Draws a question of a family. About a layout, answers come out nearly balanced and most kinds occur in it;
 * without one (null), the question is drawn from the language at large.
 */
export function drawQuestion(family: Family, layout: Layout | null, stream: RandomStream): SceneQuestion {
  if (!layout) return drawAny(family, null, stream);
  const [first, ...others] = stream.shuffle(wantedAnswers[family]);
  for (const wanted of [first as string, ...others.filter((answer) => answer !== unanswerable)]) {
    const question = findQuestion(family, layout, wanted, stream);
    if (question) return question;
  }
  return drawAny(family, layout, stream);
}

/** A question with its place in a test. */
export interface TestQuestion {
  /** The scene's index in its source. */
  readonly index: number;
  readonly question: SceneQuestion;
  readonly answer: string;
  readonly evidence: readonly Cell[];
}

/**
 * `count` different questions about a source's scenes, the same for the same seed: the families in turn, and the
 * answers of each family in turn as far as the scenes have them, which makes about a tenth unanswerable. Scenes
 * are used in order, and again once all have been used. Throws a `RangeError` if the scenes are too few.
 */
export function balancedQuestions(
  source: { readonly length: number; scene(index: number): Layout },
  count: number,
  seed: number,
): TestQuestion[] {
  const stream = new RandomStream(deriveSeed(seed, "balanced questions"));
  const questions = new Map<string, TestQuestion>();
  let next = 0;

  function add(family: Family, wanted: string | null): boolean {
    for (let tries = source.length > 0 ? 200 : 0; tries > 0; tries--) {
      const index = next++ % source.length;
      const scene = source.scene(index);
      const question = wanted ? findQuestion(family, scene, wanted, stream) : drawAny(family, scene, stream);
      const key = question && `${index} ${formatQuestion(question)}`;
      if (!key || questions.has(key)) continue;
      questions.set(key, { index, question, ...solve(scene, question) });
      return true;
    }
    return false;
  }

  for (let i = 0; i < count; i++) {
    const family = families[i % families.length] as Family;
    const answers = wantedAnswers[family];
    const wanted = answers[Math.floor(i / families.length) % answers.length] as string;
    if (!add(family, wanted) && !add(family, null)) {
      throw new RangeError(`${source.length} scenes are too few for ${count} different questions`);
    }
  }
  return [...questions.values()];
}

/** A question of a family that has a certain answer, or null if 64 draws gave none. */
function findQuestion(
  family: Family,
  layout: Layout,
  wanted: string,
  stream: RandomStream,
): SceneQuestion | null {
  for (let i = 0; i < 64; i++) {
    const question = drawAny(family, layout, stream);
    if (solve(layout, question).answer === wanted) return question;
  }
  return null;
}

function drawAny(family: Family, layout: Layout | null, stream: RandomStream): SceneQuestion {
  const draw = () => drawKind(family, layout, stream);
  for (;;) {
    const question = compose(family, draw, stream);
    const [a, b] = question.kinds;
    if (hasMeaning(question) && (!b || exclusive(a, b))) return question;
  }
}

function compose(family: Family, draw: () => Kind, stream: RandomStream): SceneQuestion {
  switch (family) {
    case "more":
    case "sum":
      return { family, kinds: [draw(), draw()] };
    case "relation":
      return { family, kinds: [draw(), draw()], side: stream.pick(Object.keys(sides) as Side[]) };
    default:
      return { family, kinds: [draw()] };
  }
}

/** Three times in four what describes a thing in the layout, else anything. */
function drawKind(family: Family, layout: Layout | null, stream: RandomStream): Kind {
  const seen = layout?.objects.length && stream.uniform() < 0.75 ? stream.pick(layout.objects) : null;
  const { color, shape } = seen ?? { color: stream.pick(colors), shape: stream.pick(shapes) };
  const form =
    family === "color" ? "shape" : family === "shape" ? "color" : stream.pick(["color", "shape", "both"]);
  return { color: form === "shape" ? null : color, shape: form === "color" ? null : shape };
}
