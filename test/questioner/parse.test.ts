import { describe, expect, test } from "vitest";
import type { AnswerFormat } from "../../common/answer_format.ts";
import { type ParsedQuestion, parseQuestion } from "../../questioner/parse.ts";
import { questionerTemplates } from "../../questioner/prompt.ts";

const asked = (question: string, answer: string | null = null, format = 1): ParsedQuestion => ({
  ok: true,
  question,
  answer,
  format,
});

describe("a well-formed completion", () => {
  test.each<[string, ParsedQuestion]>([
    ["<question> how many red circle ? </question>", asked("how many red circle ?")],
    ["<question>What is it?</question>", asked("What is it?")],
    ["\n<question>\n What\n is  it? </question> \n", asked("What is it?")],
    ["<question> what ? </question> <answer> red </answer>", asked("what ?", "red")],
    ["<question> what ? </question> <answer> </answer>", asked("what ?")],
    ["<think> hm </think> <question> what ? </question>", asked("what ?")],
    [
      "<think> a < b </think><question> is 3 < 5 ? </question><answer> yes </answer>",
      asked("is 3 < 5 ?", "yes"),
    ],
    ["<question> what is \\sqrt{16} ? </question>", asked("what is \\sqrt{16} ?")],
    ["<type>numerical</type>\n<question>How many?</question>\n<answer>4</answer>", asked("How many?", "4")],
  ])("%j", (text, expected) => expect(parseQuestion(text)).toEqual(expected));

  test.each<[AnswerFormat, string]>([
    ["tags", "<question> How many? </question>\n<answer> 4 </answer>"],
    ["boxed", "<question>\nHow many?\n</question>\n\n\\boxed{4}"],
    ["line", "Question: How many?\nAnswer: 4"],
  ])("%s: %j; in every other format it is read too, and earns less", (format, text) => {
    for (const wanted of ["tags", "boxed", "line", "plain"] as const) {
      const share = wanted === format ? 1 : 0.25;
      expect(parseQuestion(text, { format: wanted })).toEqual(asked("How many?", "4", share));
    }
  });

  test("plain: the question alone", () => {
    expect(parseQuestion("How many?", { format: "plain" })).toEqual(asked("How many?"));
    expect(parseQuestion("Sure. How many?", { format: "line" })).toEqual(asked("How many?", null, 0.25));
  });
});

describe("what is forgiven costs half of the format", () => {
  test.each<[string, ParsedQuestion]>([
    ["<question> a ? </question> <question> b ? </question>", asked("b ?", null, 0.5)],
    ["<question> a ? </question> <answer> red", asked("a ?", "red", 0.5)],
    ["<question> how many", asked("how many", null, 0.5)],
    ["<question> a ? <answer> red </answer> </question>", asked("a ?", "red", 0.5)],
    ["<answer> red </answer> <question> a ? </question>", asked("a ?", null, 0.5)],
    ["<question> a ? </question> </question>", asked("a ?", null, 0.5)],
    ["Sure! <question> a ? </question>", asked("a ?", null, 0.5)],
    ["<question> a ? </question> Enjoy.", asked("a ?", null, 0.5)],
    ["<think> x </think> so <question> a ? </question>", asked("a ?", null, 0.5)],
    ["<question> a ? </question> <answer> your short answer </answer>", asked("a ?", null, 1)],
  ])("%j", (text, expected) => expect(parseQuestion(text)).toEqual(expected));
});

describe("other shapes", () => {
  test.each([
    ["1. **Question:** How many?\n2. **Answer:** 4", "How many?"],
    ['{"question": "How many?", "answer": "4"}', "How many?"],
    ["The picture shows dogs. There are many. How many dogs are there?", "How many dogs are there?"],
    ["Question: Which one?\n(A) red\n(B) blue\nAnswer: B", "Which one? (A) red (B) blue"],
    ["Which one?\nA. red\nB. blue", "Which one? A. red B. blue"],
    ["图中有几只狗？", "图中有几只狗？"],
    ["Q: How many?\nA: 4", "How many?"],
    ["### Question\nHow many?\n\n### Answer\n4", "How many?"],
    ["<think> What could I ask? </think>\nHow many?", "How many?"],
  ])("%j: %s", (text, question) => expect(parseQuestion(text)).toMatchObject({ ok: true, question }));
});

describe("a failure has a reason and no text", () => {
  test.each([
    ["", "no_question"],
    ["A dog.", "no_question"],
    ["<think> what ? </think>", "no_question"],
    ["<think> what ?", "unclosed"],
    ["<answer> red </answer>", "no_question"],
    ["<question>  \n </question>", "empty"],
    ["<question> ??? </question>", "empty"],
    [`<question> ${"why ".repeat(200)} ? </question>`, "too_long"],
    [`<question> why ? </question> <answer> ${"so ".repeat(200)} </answer>`, "too_long"],
    ["<question> what is <image> ? </question>", "markup"],
    ["<question> why ? <|im_end|> </question>", "markup"],
    ["<question> why ? </s> </question>", "markup"],
    ["<question> why ? <end_of_utterance> </question>", "markup"],
    ["<question> your question </question>", "placeholder"],
    ["<type>X</type>\n<question>Y</question>\n<answer>Z</answer>", "placeholder"],
    ["<question>\n{The full problem statement on one or more lines}\n</question>", "placeholder"],
    ["Question: [your question here]\nAnswer: [your answer]", "placeholder"],
    ["I'm sorry, I can't ask about people.", "refused"],
    ["<question> I cannot assist with that. </question>", "refused"],
  ])("%j: %s", (text, reason) => expect(parseQuestion(text)).toEqual({ ok: false, reason }));

  test("a completion that was cut off counts only where it was whole", () => {
    const cut = (text: string) => parseQuestion(text, { truncated: true });
    for (const text of [
      "<question> how many",
      "<question> a ? </question> <answer> re",
      "Why?",
      "Question: a ?",
    ]) {
      expect(cut(text)).toEqual({ ok: false, reason: "cut" });
    }
    expect(cut("<question> a ? </question>")).toEqual(asked("a ?"));
    expect(cut("<question> a ? </question> <answer> red </answer>")).toEqual(asked("a ?", "red"));
  });
});

test("what is longer than a short question, or a short answer, is refused", () => {
  const block = (letters: number, answer = "so") =>
    parseQuestion(`<question> ${"w".repeat(letters - 1)}? </question><answer> ${answer} </answer>`);
  expect(block(400, "a".repeat(200))).toMatchObject({ ok: true });
  expect(block(401)).toEqual({ ok: false, reason: "too_long" });
  expect(block(400, "a".repeat(201))).toEqual({ ok: false, reason: "too_long" });
});

// Quadratic time would take minutes, and run into the time limit.
test("nothing makes it throw, and time is linear", () => {
  const shapes = [
    "<",
    "< ",
    "<question>",
    "</question>",
    "<answer>",
    "\\boxed{",
    "Question:",
    "Answer:\n",
    "? ",
    "?\n",
  ];
  for (const shape of [...shapes, "\n", " ", "**", "```\n", "<a ", "<a_", "<|", ". ", "A. "]) {
    for (const text of [shape.repeat(100_000 / shape.length), `${shape.repeat(100_000 / shape.length)}x?`]) {
      parseQuestion(text);
      parseQuestion(`<question>${text}</question>`);
    }
  }
});

test("the default prompts ask for the very form that the parser reads", () => {
  const example = questionerTemplates.tags.split("\n").slice(-2).join("\n");
  expect(parseQuestion(example)).toEqual({ ok: false, reason: "placeholder" });
  const filled = example.replace("your question", "why ?").replace("your short answer", "so");
  expect(parseQuestion(filled)).toEqual(asked("why ?", "so"));
  expect(questionerTemplates.boxed).toContain("\\boxed{}");
  expect(questionerTemplates.line).toContain('"Question:"');
});
