import { describe, expect, test } from "vitest";
import { type ParsedQuestion, parseQuestion } from "../../questioner/parse.ts";
import { defaultQuestionerTemplates } from "../../questioner/prompt.ts";

const asked = (question: string, answer: string | null = null): ParsedQuestion => ({
  ok: true,
  question,
  answer,
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
  ])("%j", (text, expected) => expect(parseQuestion(text)).toEqual(expected));
});

describe("a failure has a reason and no text", () => {
  test.each([
    ["", "no_question"],
    ["What is it?", "no_question"],
    ["<think> what ? </think>", "no_question"],
    ["<answer> red </answer>", "no_question"],
    ["<question> a ? </question> <question> b ? </question>", "several_questions"],
    ["<question> <question> a ? </question>", "several_questions"],
    ["<question> how many", "unclosed"],
    ["<question> a ? </question> <answer> red", "unclosed"],
    ["<question> a ? <answer> red </answer> </question>", "misplaced_tags"],
    ["<answer> red </answer> <question> a ? </question>", "misplaced_tags"],
    ["</question> a ? <question>", "misplaced_tags"],
    ["<question> a ? </question> </question>", "misplaced_tags"],
    ["Sure! <question> a ? </question>", "text_outside"],
    ["<question> a ? </question> Enjoy.", "text_outside"],
    ["<think> x </think> so <question> a ? </question>", "text_outside"],
    ["<question>  \n </question>", "empty"],
    ["<question> ??? </question>", "empty"],
    [`<question> ${"why ".repeat(200)} ? </question>`, "too_long"],
    [`<question> why ? </question> <answer> ${"so ".repeat(200)} </answer>`, "too_long"],
    ["<question> what is <image> ? </question>", "markup"],
    ["<question> why ? <|im_end|> </question>", "markup"],
    ["<question> why ? </s> </question>", "markup"],
  ])("%j: %s", (text, reason) => expect(parseQuestion(text)).toEqual({ ok: false, reason }));
});

test("limits are settings", () => {
  const limits = { question: 5, answer: 5 };
  expect(parseQuestion("<question> why ? </question>", limits)).toEqual(asked("why ?"));
  expect(parseQuestion("<question> why so ? </question>", limits)).toEqual({ ok: false, reason: "too_long" });
});

test("the default prompt asks for the very form that the parser reads", () => {
  const example = defaultQuestionerTemplates.questioner.split("\n").slice(-2).join("\n");
  expect(parseQuestion(example)).toEqual(asked("your question", "your short answer"));
});
