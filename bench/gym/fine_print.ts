/**
 * An environment as a user brings it, for the embedded model. A picture of 256 by 256 shows a scene as the model knows it, or
 * sixteen small ones, of which one is asked about: a model that sees 64 by 64 has to zoom. Or a sum is asked for: one that is
 * soon known by heart, or one that is better left to Python. A tool is needed in nine of twenty tasks.
 */
import { RandomStream } from "../../common/random.ts";
import { demonstrate } from "../../images/scenes/demonstrate.ts";
import { drawQuestion } from "../../images/scenes/draw.ts";
import { type Family, formatQuestion } from "../../images/scenes/questions.ts";
import { renderScene } from "../../images/scenes/render.ts";
import { type Cell, cells, drawScene, type Scene, sceneSize } from "../../images/scenes/scene.ts";
import { solve } from "../../images/scenes/solve.ts";

/** Small scenes in a row, and the side of the whole picture, pixels. */
const across = 4;
const side = across * sceneSize;

/** Kinds of tasks, and how many of twenty are of each. */
const kinds = { large: 8, easy: 3, small: 6, hard: 3 } as const;
type Kind = keyof typeof kinds;
const mix = (Object.keys(kinds) as Kind[]).flatMap((kind) => new Array<Kind>(kinds[kind]).fill(kind));

/** Questions whose answers are hard to guess. */
const asked: readonly Family[] = ["count", "color", "shape", "sum"];

/** Of the tasks that need no tool, the share in which one is used in demonstrations all the same. */
const needlessShare = 0.85;

interface Options {
  /** What is demonstrated: to use tools before the answer, and to think before it. */
  readonly tools?: boolean;
  readonly thinks?: boolean;
}

interface State {
  readonly answer: string;
  /** What a demonstration says once it knows enough. */
  readonly reply: string;
  /** What it calls first; null for nothing. */
  readonly call: string | null;
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export default function finePrint({ tools = false, thinks = false }: Options): object {
  const isHelped = (kind: Kind, stream: RandomStream) =>
    kind === "small" || kind === "hard" || stream.uniform() < needlessShare;
  return {
    tasks: 100_000,

    async reset(task: number) {
      const stream = new RandomStream(task);
      const kind = stream.pick(mix);
      const isSum = kind === "easy" || kind === "hard";
      const { picture, question, answer, reply, call } = isSum
        ? sumTask(kind, stream)
        : await sceneTask(kind, stream);
      const state: State = {
        answer,
        reply: thinks ? reply : `<answer> ${answer} </answer>`,
        call: tools && isHelped(kind, stream) ? call : null,
      };
      return { turn: [picture, question], question, label: answer, state };
    },

    step({ answer }: State, { text }: { readonly text: string }) {
      const given = /<answer>\s*(\w+)\s*<\/answer>/.exec(text)?.[1];
      return { done: true, parts: { correctness: Number(given === answer) }, success: given === answer };
    },

    demonstrate({ reply, call }: State, turn: number) {
      return call !== null && turn === 0 ? `<tool_call> ${call} </tool_call>` : reply;
    },
  };
}

interface Task {
  readonly picture: Picture;
  readonly question: string;
  readonly answer: string;
  readonly reply: string;
  /** The call that helps, or does no harm. */
  readonly call: string;
}

/** A scene as large as the picture, or one of many in it. */
async function sceneTask(kind: "large" | "small", stream: RandomStream): Promise<Task> {
  const isSmall = kind === "small";
  const scenes = Array.from({ length: isSmall ? cells.length : 1 }, () => drawScene("source", stream));
  const place = stream.integer(scenes.length);
  const scene = scenes[place] as Scene;
  const about = drawQuestion(stream.pick(asked), scene, stream);
  const [row, column] = [Math.floor(place / across), place % across];
  const edges = isSmall
    ? [column, row, column + 1, row + 1].map((edge) => (1000 * edge) / across)
    : [0, 0, 1000, 1000];
  const drawn = await Promise.all(scenes.map(renderScene));
  return {
    picture: isSmall ? mosaic(drawn) : enlarged(drawn[0] as Picture),
    question: `${isSmall ? `in ${cells[place] as Cell} ` : ""}${formatQuestion(about)}`,
    answer: solve(scene, about).answer,
    reply: demonstrate(scene, about),
    call: `{"name": "zoom", "arguments": {"box": [${edges.join(", ")}]}}`,
  };
}

/** Two numbers of up to four, or three of two to nine, beside an empty picture. */
function sumTask(kind: "easy" | "hard", stream: RandomStream): Task {
  const numbers = Array.from({ length: kind === "hard" ? 3 : 2 }, () =>
    kind === "hard" ? 2 + stream.integer(8) : 1 + stream.integer(4),
  );
  const sum = numbers.join(" + ");
  const answer = `${numbers.reduce((total, each) => total + each, 0)}`;
  return {
    picture: { width: side, height: side, data: new Uint8Array(3 * side * side).fill(210) },
    question: `how much is ${sum} ?`,
    answer,
    reply: `<think> ${answer} </think> <answer> ${answer} </answer>`,
    call: `{"name": "python", "arguments": {"code": "${sum}"}}`,
  };
}

/** Scenes side by side. */
function mosaic(scenes: readonly Picture[]): Picture {
  const data = new Uint8Array(3 * side * side);
  for (const [i, scene] of scenes.entries())
    for (let y = 0; y < sceneSize; y++) {
      const row = scene.data.subarray(3 * y * sceneSize, 3 * (y + 1) * sceneSize);
      data.set(row, 3 * ((Math.floor(i / across) * sceneSize + y) * side + (i % across) * sceneSize));
    }
  return { width: side, height: side, data };
}

/** A scene as large as many. */
function enlarged({ data }: Picture): Picture {
  const large = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const from = 3 * (Math.floor(y / across) * sceneSize + Math.floor(x / across));
      large.set(data.subarray(from, from + 3), 3 * (y * side + x));
    }
  return { width: side, height: side, data: large };
}
