import { describe, expect, it } from "vitest";
import { consensus } from "../../reasoner/consensus.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import type { Answer } from "../../reasoner/reasoner.ts";

function said(text: string, finishReason: "stop" | "length" = "stop"): Answer {
  const completion = { text, finishReason, tokens: new Int32Array(0), logProbs: new Float32Array(0) };
  return { completion, parsed: parseAnswer(text) };
}

/** Answers by what they think, a space, and what they answer. */
const chain = (thought: string, answer: string) =>
  said(`<think> ${thought} </think> <answer> ${answer} </answer>`);

describe("the answer that says what those who agree have in common", () => {
  it("is the most frequent one of few words, the first of its like", () => {
    const answers = [chain("p03", "1"), chain("p11", "2"), chain("p11 p12", "2"), chain("p11 p12", "2")];
    expect(consensus(answers, "2")).toBe(2);
  });

  it("is the one in the midst where no two are equal", () => {
    const answers = [
      chain("a red cat sits there", "cat"),
      chain("a red cat sits on the mat", "cat"),
      chain("something on the mat", "cat"),
      chain("a red dog sits on the mat", "dog"),
    ];
    expect(consensus(answers, "cat")).toBe(1);
  });

  it("does not depend on the others' order, or on who disagrees", () => {
    const agreeing = [chain("b c", "4"), chain("a b c", "4"), chain("a b c d", "4"), chain("x", "4")];
    const [least, best] = [agreeing[3], agreeing[1]] as [Answer, Answer];
    for (const answers of [agreeing, agreeing.toReversed(), [chain("x", "5"), ...agreeing, chain("x", "5")]])
      expect(answers[consensus(answers, "4") as number]).toBe(best);
    expect(consensus([least], "4")).toBe(0);
  });

  it("agrees as a vote does, whatever the spelling", () => {
    expect(consensus([said("nothing to read"), chain("", "Two.")], "2")).toBe(1);
  });

  it("is none where nobody agrees, or who does was cut off", () => {
    expect(consensus([chain("p03", "1")], "2")).toBeNull();
    expect(consensus([said("<answer> 2 </answer>", "length")], "2")).toBeNull();
    expect(consensus([], "2")).toBeNull();
  });
});
