/**
 * An environment as a user brings it: nine signs in a picture of 256 by 256, of which one is asked for. In half of the tasks
 * they are large, in the others too small for a model that sees 64 by 64.
 */
const rows = ["top", "middle", "bottom"] as const;
const columns = ["left", "center", "right"] as const;
const signs = ["plus", "cross", "square", "ring", "bar", "dot"] as const;

/** Side of the picture, and of one of its nine cells, in pixels. */
const side = 256;
const cellSide = side / 3;
/** Reach of a sign from its middle, in pixels. */
const reach = { small: 7, large: 28 } as const;

interface Options {
  /** Shows the cell alone, as a zoom would, so that the signs are learnt first. */
  readonly near?: boolean;
  /** What is demonstrated: to zoom before the answer, and to think before both. */
  readonly zooms?: boolean;
  readonly thinks?: boolean;
}

interface State {
  readonly cell: number;
  readonly sign: string;
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export default function finePrint({ near = false, zooms = false, thinks = false }: Options): object {
  return {
    tasks: 100_000,

    reset(task: number) {
      const draw = generator(task);
      const shown = Array.from({ length: 9 }, () => draw(signs.length));
      const cell = draw(9);
      const picture = painted(shown, reach[draw(2) === 0 ? "small" : "large"]);
      const sign = signs[shown[cell] as number] as string;
      const question = `which sign is ${rows[Math.floor(cell / 3)]} ${columns[cell % 3]} ?`;
      const turn = [near ? magnified(picture, cell) : picture, question];
      return { turn, question, label: sign, state: { cell, sign } };
    },

    step({ sign }: State, { text }: { readonly text: string }) {
      const answer = /<answer>\s*(\w+)\s*<\/answer>/.exec(text)?.[1];
      return { done: true, parts: { correctness: Number(answer === sign) }, success: answer === sign };
    },

    demonstrate({ cell, sign }: State, turn: number) {
      const looks = zooms && turn === 0;
      const chain = thinks ? `<think> ${looks ? "look near" : "seen"} </think> ` : "";
      if (!looks) return `${chain}<answer> ${sign} </answer>`;
      const edges = [0, 333, 667, 1000] as const;
      const [y, x] = [Math.floor(cell / 3), cell % 3];
      const box = [edges[x], edges[y], edges[x + 1], edges[y + 1]];
      return `${chain}<tool_call>{"name": "zoom", "arguments": {"box": [${box.join(", ")}]}}</tool_call>`;
    },
  };
}

/** Dark signs on grey, one in each cell. */
function painted(shown: readonly number[], size: number): Picture {
  const data = new Uint8Array(3 * side * side).fill(210);
  for (const [cell, sign] of shown.entries()) {
    const [left, top] = [cellSide * ((cell % 3) + 0.5), cellSide * (Math.floor(cell / 3) + 0.5)].map(
      Math.round,
    );
    for (let y = -size; y <= size; y++)
      for (let x = -size; x <= size; x++) {
        const at = 3 * (((top as number) + y) * side + (left as number) + x);
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

/** A cell as large as the picture. */
function magnified({ data }: Picture, cell: number): Picture {
  const near = new Uint8Array(data.length);
  const [left, top] = [(cell % 3) * cellSide, Math.floor(cell / 3) * cellSide];
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const from = 3 * (Math.floor(top + y / 3) * side + Math.floor(left + x / 3));
      near.set(data.subarray(from, from + 3), 3 * (y * side + x));
    }
  return { width: side, height: side, data: near };
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
