import { describe, expect, test } from "vitest";
import type { AnswerFormat } from "../../common/answer_format.ts";
import { textOf } from "../../policy/prompts.ts";
import { parseChoices } from "../../reasoner/choices.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import { reasonerPrompt, reasonerTemplates } from "../../reasoner/prompt.ts";

const answered = (answer: string, canonical = answer, format = 1) => ({
  outcome: "answered",
  answer,
  canonical,
  format,
});

describe("well-formed", () => {
  test.each([
    ["<think> p03 p11 </think> <answer> 2 </answer>", answered("2")],
    ["<answer>2</answer>", answered("2")],
    ["<answer>\n The  red\n Cat. </answer>\n", answered("The red Cat.", "red cat")],
    ["<think></think><answer> <b> </answer>", answered("<b>")],
    ["<answer> none </answer>", answered("none")],
    ["<answer> no </answer>", answered("no")],
  ])("%j", (text, expected) => expect(parseAnswer(text)).toEqual(expected));

  test.each<[AnswerFormat, string]>([
    ["tags", "<think> a, b </think>\n<answer> 2 </answer>"],
    ["boxed", "One and one.\n\nSo it is \\boxed{2}."],
    ["boxed", "<think> one and one </think> $\\boxed{\\text{2}}$"],
    ["line", "One and one.\nAnswer: 2"],
    ["line", "Answer: 2"],
    ["plain", "2"],
    ["plain", " 2.\n"],
  ])("%s: %j; in every other format it is read too, and earns less", (format, text) => {
    for (const wanted of ["tags", "boxed", "line", "plain"] as const) {
      const parsed = parseAnswer(text, [], { format: wanted });
      expect(parsed).toMatchObject({ outcome: "answered", canonical: "2" });
      expect(parsed.format).toBe(wanted === format ? 1 : 0.25);
    }
  });
});

describe("what is forgiven costs half of the format", () => {
  test.each([
    "<think> so </think> <answer> 2",
    "<answer> 1 </answer> <answer> 2 </answer>",
    "<answer> 2 </answer> <think> so </think>",
    "<think> a </think> <think> b </think> <answer> 2 </answer>",
    "<think> <answer> 2 </answer> </think>",
    "The answer: <answer> 2 </answer>",
    "<answer> 2 </answer>.",
    "<think> a </think> so <answer> 2 </answer>",
    "2</answer>",
    "&lt;answer&gt;2&lt;/answer&gt;",
    "<ANSWER>\n**2**\n</ANSWER>",
  ])("%j", (text) => expect(parseAnswer(text)).toMatchObject({ canonical: "2", format: 0.5 }));

  test.each<[AnswerFormat, string]>([
    ["boxed", "\\boxed{1}, no: \\boxed{2} because of that."],
    ["line", "**Answer:** 2"],
    ["line", "Answer: 2\nThat is all."],
    ["plain", "```\n2\n```"],
    ["plain", "**2**"],
  ])("%s: %j", (format, text) => {
    expect(parseAnswer(text, [], { format })).toMatchObject({ canonical: "2", format: 0.5 });
  });
});

describe("other shapes", () => {
  test.each([
    ["Let me count.\n\nThe final answer is: **2**", "2"],
    ["The answer is blue. It has been blue for long.", "blue"],
    ["#### 72", "72"],
    ['{"reasoning": "one and one", "answer": 2}', "2"],
    ["答案：2", "2"],
    ["<think>one</think>\n\nThere are two.\n\n**Final answer:**\n2", "2"],
    ["I counted them twice, from the left and from the right.\n\n2", "2"],
    ["<think> The answer is 1? No. </think> I think that the answer is 2.", "2"],
    ["<final_answer>2</final_answer>", "2"],
    ["◁think▷one and one◁/think▷2", "2"],
    ["[THINK] one and one [/THINK] 2", "2"],
    ["<answer>2<answer>", "2"],
    ["<answer> 2 </answer", "2"],
    ["answer>2</answer>", "2"],
    ["First, one dog.\nThen, another.\nSo there are 2 dogs.", "2"],
    ["The correct option is (B).", "b"],
    ["<answer>2 dogs are in the image.</answer>", "2"],
    ["<answer>The number of dogs is two.</answer>", "2"],
    ["<answer>два</answer>", "2"],
    ["<answer>二匹です。</answer>", "2"],
  ])("%j is %s", (text, canonical) => expect(parseAnswer(text)).toMatchObject({ canonical }));

  test("sentences are shortened to what was asked", () => {
    const read = (text: string, question: string) => {
      const parsed = parseAnswer(`<answer>${text}</answer>`, [], { question });
      return parsed.outcome === "answered" ? parsed.canonical : parsed.outcome;
    };
    expect(read("The car is red.", "What colour is the car?")).toBe("red");
    expect(read('"The car is red."', "What colour is the car?")).toBe("red");
    const next = "What is the name of the man who is standing next to the car?";
    expect(read("The man who is standing next to the car is Tom.", next)).toBe("tom");
    expect(read("The name of the man who is standing next to the car is called Tom", next)).toBe("tom");
    expect(read("The man is standing next to the bus that is red", next)).toBe(
      "standing next to bus that is red",
    );
    expect(read("Yes, the man is wearing a hat.", "Is the man wearing a hat?")).toBe("yes");
    expect(read("There are two cats in the picture.", "How many cats?")).toBe("2");
    expect(read("It's a dog.", "What is it?")).toBe("dog");
    // In these, something else may be meant: a wrong merge would be a wrong label.
    expect(read("The car is red.", "Which is red, the car or the bus?")).toBe("car is red");
    expect(read("There are two cats and three dogs.", "How many?")).not.toBe("2");
    expect(read("There are two of the three.", "How many?")).not.toBe("2");
    expect(read("No, but yes", "What does he say?")).toBe("no, but yes");
    expect(read("It is not red", "What colour?")).toBe("it is not red");
  });
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
    "I cannot determine",
    "I cannot determine the colour of the car from the image.",
    "cannot be determined from the graph",
    "The exact number cannot be determined from the given picture",
    "It is impossible to tell",
    "This cannot be worked out for certain",
    "Unable to determine",
    "There is not enough information to answer the question",
    "I do not know the answer",
    'The answer is "unanswerable".',
    "No, unanswerable",
    "You can answer with the word unanswerable",
    "The image does not show what is needed.",
    "Not possible to answer",
    "The picture does not show what is needed to answer the question",
  ])("%j", (answer) => {
    const text = `<think> x </think> <answer> ${answer} </answer>`;
    expect(parseAnswer(text)).toEqual({ outcome: "abstained", format: 1 });
  });

  test.each([
    "none",
    "unknown",
    "nothing",
    "I cannot tell exactly, but 5",
    "it can be determined",
    "no dogs can be seen",
    "I don't know, probably red",
    "no information desk",
    "the image does not show a dog",
    "unanswerable letters",
  ])("%j is an answer", (answer) => {
    expect(parseAnswer(`<answer>${answer}</answer>`).outcome).toBe("answered");
  });

  test("by choosing an option that says so", () => {
    const choices = parseChoices("How many? (A) 1 (B) 2 (C) Cannot be determined");
    for (const answer of ["C", "(c)", "C. cannot be determined", "cannot be determined"]) {
      expect(parseAnswer(`<answer>${answer}</answer>`, choices)).toEqual({ outcome: "abstained", format: 1 });
    }
    expect(parseAnswer("<answer>2</answer>", choices)).toEqual(answered("2", "b"));
  });
});

describe("what is no answer is an outcome of its own", () => {
  test.each([
    ["placeholder", "<answer> your short answer </answer>"],
    ["placeholder", "<think> x </think> <answer> [Your Answer Here] </answer>"],
    ["placeholder", "\\boxed{final_answer}"],
    ["placeholder", "Answer: ..."],
    ["placeholder", "**your answer**"],
    ["placeholder", "<answer> short answer </answer>"],
    ["refused", "I'm sorry, but I can't assist with that."],
    ["refused", "As an AI language model, I can't see images.\n\nPlease describe it."],
    ["refused", "<answer> I’m sorry, I cannot help with that request. </answer>"],
    ["refused", "Unfortunately, I am unable to view the picture."],
    ["inapplicable", "<answer> N/A </answer>"],
    ["inapplicable", "<answer>None of the above</answer>"],
  ])("%s: %j", (outcome, text) => expect(parseAnswer(text)).toEqual({ outcome, format: 0 }));

  test("but an option may say it", () => {
    const choices = parseChoices("Which? (A) one (B) two (C) none of the above (D) N/A");
    const read = (answer: string) => parseAnswer(`<answer>${answer}</answer>`, choices);
    expect(read("none of the above")).toMatchObject({ canonical: "c" });
    expect(read("D")).toMatchObject({ canonical: "d" });
  });

  test("whatever words the prompt has there", () => {
    const context = { placeholders: ["the name of the thing"] };
    expect(parseAnswer("<answer> The name of the thing. </answer>", [], context)).toMatchObject({
      outcome: "placeholder",
    });
    expect(parseAnswer("<answer> the name of the cat </answer>", [], context).outcome).toBe("answered");
  });

  test("and plain words are answers", () => {
    for (const answer of ["answer", "a letter", "sorry", "here", "no", "question", "AI", "nothing"]) {
      expect(parseAnswer(`<answer>${answer}</answer>`).outcome).toBe("answered");
    }
  });
});

describe("unparsed has a reason and no text", () => {
  test.each([
    ["", "no_answer"],
    ["What is it?", "no_answer"],
    ["One line.\nAnother line without an end", "no_answer"],
    ["<think> so 2 </think>", "no_answer"],
    ["<think> so 2", "unclosed"],
    ["<answer> </answer>", "empty"],
    ["<answer> . </answer>", "empty"],
    [`<answer> ${"very ".repeat(60)} long </answer>`, "too_long"],
    ["very ".repeat(60), "no_answer"],
  ])("%j: %s", (text, reason) => {
    expect(parseAnswer(text)).toEqual({ outcome: "unparsed", reason, format: 0 });
  });

  test("a completion that was cut off counts only where its answer was whole", () => {
    const cut = (text: string) => parseAnswer(text, [], { truncated: true });
    const lost = { outcome: "unparsed", reason: "cut", format: 0 };
    for (const text of ["<answer> 2", "The answer is 2", "2", "<think> so", "<answer> 2 </answer> No, it"]) {
      expect(cut(text)).toEqual(lost);
    }
    expect(cut("<think> so </think> <answer> 2 </answer>")).toEqual(answered("2"));
    expect(cut("so \\boxed{2}")).toMatchObject({ canonical: "2" });
  });
});

// Quadratic time would take minutes, and run into the time limit.
test("nothing makes it throw, and time is linear", () => {
  const shapes = [
    "<",
    "< ",
    "<think>",
    "<answer>",
    "</answer>",
    "\\boxed{",
    "\\",
    "{",
    "answer is ",
    "\n",
    " ",
    "a ",
    "?",
  ];
  for (const shape of [...shapes, "**", "```\n", "_", "#", "(", "\n\n", "1", "，", "Answer: \n"]) {
    for (const text of [shape.repeat(100_000 / shape.length), `${shape.repeat(100_000 / shape.length)}x`]) {
      expect(typeof parseAnswer(text).outcome).toBe("string");
      expect(typeof parseAnswer(`<answer>${text}</answer>`).outcome).toBe("string");
    }
  }
});

describe("the prompts", () => {
  const image = { id: "a", width: 1, height: 1, data: new Uint8Array(3) };

  test("ask for the very form that the parser reads, and what they say there is no answer", () => {
    const example = reasonerTemplates.tags.split("\n").slice(-2).join("\n");
    expect(parseAnswer(example)).toEqual({ outcome: "placeholder", format: 0 });
    expect(parseAnswer(example.replace("your short answer", "2"))).toEqual(answered("2"));
    expect(reasonerTemplates.boxed).toContain("\\boxed{}");
    expect(reasonerTemplates.line).toContain('"Answer:"');
    for (const template of Object.values(reasonerTemplates)) {
      expect(template).toContain("unanswerable");
      expect(template).toContain("{question}");
    }
  });

  test("takes the question as it is", () => {
    const prompt = reasonerPrompt(image, "is $& {question} ?", {
      reasoner: "q: {question} !",
      format: "tags",
    });
    expect(textOf(prompt)).toBe("q: is $& {question} ? !");
  });

  test("a template without a place for the question is refused", () => {
    expect(() => reasonerPrompt(image, "why ?", { reasoner: "answer", format: "tags" })).toThrow(
      "{question}",
    );
  });
});
