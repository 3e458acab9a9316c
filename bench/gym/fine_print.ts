/**
 * An environment as a user brings it. In a picture of 256 by 256 stand four signs, of which one is asked for: large ones, that a
 * model that sees 64 by 64 can tell apart, or such that only a zoom makes readable. Or a sum is asked for: one that is soon
 * known by heart, or one that is better left to Python. A tool is needed in seven of twenty tasks.
 */
const rows = ["top", "bottom"] as const;
const columns = ["left", "right"] as const;
const signs = ["plus", "cross", "square", "ring", "bar", "dot"] as const;

/** Side of the picture, and of one of its four cells, in pixels. */
const side = 256;
const cellSide = side / 2;
/** Reach of a sign from its middle, in pixels. */
const reach = { small: 7, large: 44 } as const;
/** What a zoom is to show of a cell: so much on each side of its middle, in pixels. */
const near = 32;

/** Kinds of tasks and how many of twenty are of each. */
const kinds = { large: 8, easy: 5, small: 4, hard: 3 } as const;
type Kind = keyof typeof kinds;

/** How it looks to who thinks first. */
const thoughts: Readonly<Record<Kind, string>> = {
  large: "large sign",
  small: "small sign",
  easy: "easy sum",
  hard: "long sum",
};

/** Of the tasks that need no tool, the share in which one is used in demonstrations all the same. */
const needlessShare = 0.85;

interface Options {
  /** What comes first: a cell alone, as a zoom would show it, signs that are large, and sums that are easy. */
  readonly first?: boolean;
  /** What is demonstrated: to use tools before the answer, and to think before both. */
  readonly tools?: boolean;
  readonly thinks?: boolean;
}

interface State {
  readonly kind: Kind;
  readonly answer: string;
  /** What a demonstration calls first; null for nothing. */
  readonly call: string | null;
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export default function finePrint({ first = false, tools = false, thinks = false }: Options): object {
  return {
    tasks: 100_000,

    reset(task: number) {
      const draw = generator(task);
      const kind = kindOf(draw(20));
      const isSign = kind === "large" || kind === "small";
      const { turn, question, answer, call } = isSign
        ? signTask(kind, draw, first)
        : sumTask(first ? "easy" : kind, draw);
      const needsTool = kind === "small" || kind === "hard";
      const uses = tools && (needsTool || draw(100) < 100 * needlessShare);
      const state: State = { kind, answer, call: uses ? call : null };
      return { turn, question, label: answer, state };
    },

    step({ answer }: State, { text }: { readonly text: string }) {
      const given = /<answer>\s*(\w+)\s*<\/answer>/.exec(text)?.[1];
      return { done: true, parts: { correctness: Number(given === answer) }, success: given === answer };
    },

    demonstrate({ kind, answer, call }: State, turn: number) {
      const chain = thinks ? `<think> ${turn === 0 ? thoughts[kind] : "seen"} </think> ` : "";
      return call !== null && turn === 0
        ? `${chain}<tool_call>${call}</tool_call>`
        : `${chain}<answer> ${answer} </answer>`;
    },
  };
}

type Draw = (below: number) => number;

function kindOf(place: number): Kind {
  let end = 0;
  for (const [kind, count] of Object.entries(kinds)) {
    end += count;
    if (place < end) return kind as Kind;
  }
  return "hard";
}

interface Task {
  readonly turn: readonly (Picture | string)[];
  readonly question: string;
  readonly answer: string;
  /** The call that helps. */
  readonly call: string;
}

/** One of four signs; `zoomed` shows it as a zoom would where it is too small. */
function signTask(kind: "large" | "small", draw: Draw, zoomed: boolean): Task {
  const shown = Array.from({ length: 4 }, () => draw(signs.length));
  const cell = draw(4);
  const picture = painted(shown, reach[kind]);
  const middle = middleOf(cell);
  const question = `which sign is ${rows[Math.floor(cell / 2)]} ${columns[cell % 2]} ?`;
  const edges = [-near, near].flatMap((away) => middle.map((at) => Math.round((1000 * (at + away)) / side)));
  const box = edges.join(", ");
  return {
    turn: [zoomed && kind === "small" ? magnified(picture, middle) : picture, question],
    question,
    answer: signs[shown[cell] as number] as string,
    call: `{"name": "zoom", "arguments": {"box": [${box}]}}`,
  };
}

/** Left and top of a cell's middle, in pixels. */
function middleOf(cell: number): readonly [number, number] {
  return [cellSide * ((cell % 2) + 0.5), cellSide * (Math.floor(cell / 2) + 0.5)];
}

/** Two numbers below five, or four of up to nine, beside an empty picture. */
function sumTask(kind: Kind, draw: Draw): Task {
  const numbers = kind === "hard" ? [0, 0, 0, 0].map(() => 2 + draw(8)) : [1 + draw(4), 1 + draw(4)];
  const sum = numbers.join(" + ");
  const question = `how much is ${sum} ?`;
  return {
    turn: [painted([], 0), question],
    question,
    answer: `${numbers.reduce((total, each) => total + each, 0)}`,
    call: `{"name": "python", "arguments": {"code": "${sum}"}}`,
  };
}

/** Dark signs on grey, one in each cell. */
function painted(shown: readonly number[], size: number): Picture {
  const data = new Uint8Array(3 * side * side).fill(210);
  for (const [cell, sign] of shown.entries()) {
    const [left, top] = middleOf(cell);
    for (let y = -size; y <= size; y++)
      for (let x = -size; x <= size; x++) {
        const at = 3 * ((top + y) * side + left + x);
        if (isInk(sign, x / size, y / size)) data.fill(20, at, at + 3);
      }
  }
  return { width: side, height: side, data };
}

/** Whether a place of a sign, both from -1 to 1, is dark. */
function isInk(sign: number, x: number, y: number): boolean {
  const [across, down, far] = [Math.abs(x), Math.abs(y), Math.hypot(x, y)];
  const shapes = [
    across < 0.25 || down < 0.25,
    Math.abs(across - down) < 0.25,
    Math.max(across, down) > 0.6,
    far > 0.6 && far <= 1,
    down < 0.4,
    far < 0.7,
  ];
  return shapes[sign] as boolean;
}

/** What is near a place as large as the picture. */
function magnified({ data }: Picture, [left, top]: readonly [number, number]): Picture {
  const large = new Uint8Array(data.length);
  const scale = (2 * near) / side;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const from = 3 * (Math.floor(top - near + scale * y) * side + Math.floor(left - near + scale * x));
      large.set(data.subarray(from, from + 3), 3 * (y * side + x));
    }
  return { width: side, height: side, data: large };
}

/** Whole numbers below a bound, one after the other, by a task's number alone (mulberry32). */
function generator(task: number): (below: number) => number {
  let state = Math.imul(task + 1, 0x9e3779b1);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
