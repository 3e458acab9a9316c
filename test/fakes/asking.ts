import type { Asking } from "../../arena/evaluation.ts";

/** What the embedded model is told; none of it is encoded. */
export const asking: Asking = {
  templates: {
    reasoner: "{question}",
    describer: "describe .",
    reader: "{description} . {question}",
    format: "tags",
  },
  encode: () => new Int32Array(0),
  checkers: [],
};
