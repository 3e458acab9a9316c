import { describe, expect, test } from "vitest";
import { parseChoices } from "../../reasoner/choices.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import { defaultReasonerTemplates, reasonerPrompt } from "../../reasoner/prompt.ts";

const answered = (answer: string, canonical = answer) => ({ outcome: "answered", answer, canonical });

describe("answered", () => {
  test.each([
    ["<think> p03 p11 </think> <answer> 2 </answer>", answered("2")],
    ["<answer>2</answer>", answered("2")],
    ["<answer>\n The  red\n Cat. </answer>\n", answered("The red Cat.", "red cat")],
    ["<think></think><answer> <b> </answer>", answered("<b>")],
    ["<answer> none </answer>", answered("none")],
    ["<answer> no </answer>", answered("no")],
  ])("%j", (text, expected) => expect(parseAnswer(text)).toEqual(expected));
});

describe("abstained", () => {
  test.each([
    "unanswerable",
    "Unanswerable.",
    "not answerable",
    "It is unanswerable",
    "It cannot be determined",
    "can't be determined from the image",
    "Can not tell",
    "can’t tell",
    "Not enough information.",
    "I don't know",
  ])("%j", (answer) => {
    expect(parseAnswer(`<think> x </think> <answer> ${answer} </answer>`)).toEqual({ outcome: "abstained" });
  });

  test("by choosing an option that says so", () => {
    const choices = parseChoices("How many? (A) 1 (B) 2 (C) Cannot be determined");
    for (const answer of ["C", "(c)", "C. cannot be determined", "cannot be determined"]) {
      expect(parseAnswer(`<answer>${answer}</answer>`, choices)).toEqual({ outcome: "abstained" });
    }
    expect(parseAnswer("<answer>2</answer>", choices)).toEqual(answered("2", "b"));
  });
});

describe("unparsed has a reason and no text", () => {
  test.each([
    ["", "no_answer"],
    ["2", "no_answer"],
    ["<think> so 2 </think>", "no_answer"],
    ["<think> so 2", "unclosed"],
    ["<think> so </think> <answer> 2", "unclosed"],
    ["<answer> 1 </answer> <answer> 2 </answer>", "several_answers"],
    ["<answer> 2 </answer> <think> so </think>", "misplaced_tags"],
    ["<think> a </think> <think> b </think> <answer> 2 </answer>", "misplaced_tags"],
    ["<think> <answer> 2 </answer> </think>", "misplaced_tags"],
    ["The answer: <answer> 2 </answer>", "text_outside"],
    ["<answer> 2 </answer>.", "text_outside"],
    ["<think> a </think> so <answer> 2 </answer>", "text_outside"],
    ["<answer> </answer>", "empty"],
    ["<answer> . </answer>", "empty"],
    [`<answer> ${"very ".repeat(60)} long </answer>`, "too_long"],
  ])("%j: %s", (text, reason) => expect(parseAnswer(text)).toEqual({ outcome: "unparsed", reason }));
});

describe("the prompt", () => {
  const image = { id: "a", width: 1, height: 1, data: new Uint8Array(3) };

  test("the default asks for the very form that the parser reads", () => {
    const example = defaultReasonerTemplates.reasoner.split("\n").slice(-2).join("\n");
    expect(parseAnswer(example)).toEqual(answered("your short answer"));
    expect(defaultReasonerTemplates.reasoner).toContain("unanswerable");
  });

  test("takes the question as it is", () => {
    const { text } = reasonerPrompt(image, "is $& {question} ?", { reasoner: "q: {question} !" });
    expect(text).toBe("q: is $& {question} ? !");
  });

  test("a template without a place for the question is refused", () => {
    expect(() => reasonerPrompt(image, "why ?", { reasoner: "answer" })).toThrow("{question}");
  });
});
