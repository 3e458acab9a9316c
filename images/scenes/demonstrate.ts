import type { RandomStream } from "../../common/random.ts";
import { formatKind, formatQuestion, isOfKind, type SceneQuestion } from "./questions.ts";
import { cells, colors, type Layout, shapes, type Thing } from "./scene.ts";
import { sidesIn, solve } from "./solve.ts";

/**
 * A Reasoner's reply that names the evidence for each kind asked about, then answers:
 * "<think> red circle p03 p11 </think> <answer> 2 </answer>". That the kind stands beside its cells makes it much
 * easier to learn: the word that looks for a cell is the word that the cell shows. A relation is worked out in both
 * directions before it is answered: "<think> red circle p03 blue square p11 right above </think> <answer> yes </answer>".
 */
export function demonstrate(layout: Layout, question: SceneQuestion): string {
  return reply([evidenceIn(layout, question)], solve(layout, question).answer);
}

/** What a layout shows of what a question asks about, in words: "red circle p03 p11". */
export function evidenceIn(layout: Layout, question: SceneQuestion): string {
  const evidence = question.kinds.flatMap((kind) => {
    const found = layout.objects.filter((thing) => isOfKind(thing, kind));
    return [formatKind(kind), ...found.map(({ cell }) => cell)];
  });
  return [...evidence, ...sidesIn(layout, question)].join(" ");
}

/** All that is there, in words: "p03 red circle p11 blue square". */
export function describedIn({ objects }: Layout): string {
  return objects.map(({ cell, color, shape }) => `${cell} ${color} ${shape}`).join(" ");
}

/** A reply that lists it: "<think> p03 red circle p11 blue square </think> <answer> done </answer>". */
export function describe(layout: Layout): string {
  return reply([describedIn(layout)], "done");
}

/** A Questioner's reply: "<question> how many red circle ? </question>". */
export function ask(question: SceneQuestion): string {
  return `<question> ${formatQuestion(question)} </question>`;
}

/**
 * What a careless annotator sees: one thing missed, invented or misread (its colour or its shape). Demonstrations
 * of it are consistent in themselves, and make the errors of who learns from them random rather than systematic.
 */
export function misperceive({ objects }: Layout, stream: RandomStream): Layout {
  const free = cells.filter((cell) => objects.every((thing) => thing.cell !== cell));
  const slips = [...(objects.length > 0 ? ["miss", "misread"] : []), ...(free.length > 0 ? ["invent"] : [])];
  const slip = stream.pick(slips);
  if (slip === "invent") {
    const invented = { cell: stream.pick(free), color: stream.pick(colors), shape: stream.pick(shapes) };
    return { objects: [...objects, invented].sort((a, b) => (a.cell < b.cell ? -1 : 1)) };
  }
  const slipped = stream.pick(objects);
  if (slip === "miss") return { objects: objects.filter((thing) => thing !== slipped) };
  const read = misread(slipped, stream);
  return { objects: objects.map((thing) => (thing === slipped ? read : thing)) };
}

function misread({ cell, color, shape }: Thing, stream: RandomStream): Thing {
  return stream.uniform() < 0.5
    ? { cell, color: stream.pick(colors.filter((other) => other !== color)), shape }
    : { cell, color, shape: stream.pick(shapes.filter((other) => other !== shape)) };
}

function reply(thoughts: readonly string[], answer: string): string {
  const words = ["<think>", ...thoughts, "</think>", "<answer>", answer, "</answer>"];
  return words.filter((word) => word !== "").join(" ");
}
