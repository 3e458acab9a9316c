import { sides, templates } from "./questions.ts";
import { cells, colors, shapes } from "./scene.ts";
import { unanswerable } from "./solve.ts";

/** The tags of replies and questions. */
const tags: readonly string[] = ["<think>", "</think>", "<answer>", "</answer>", "<question>", "</question>"];

const sentences = [...Object.values(templates), ...Object.values(sides)].flatMap((text) => text.split(" "));

/** Every word and tag of the question language, its answers and its demonstrations, once each, in a fixed order. */
export const vocabulary: readonly string[] = [
  ...tags,
  ...cells,
  ...colors,
  ...shapes,
  "object",
  ...Array.from({ length: 10 }, (_, number) => String(number)),
  "yes",
  "no",
  unanswerable,
  "done",
  ...new Set(sentences.filter((word) => !/^[ABS]$/.test(word))),
].filter((word, index, all) => all.indexOf(word) === index);

/** What descriptions of scenes name, "red circle", and the words for where it is. */
export const nameable: { readonly things: readonly string[]; readonly places: readonly string[] } = {
  things: colors.flatMap((color) => shapes.map((shape) => `${color} ${shape}`)),
  places: cells,
};
