import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { parseChoices } from "../../reasoner/choices.ts";
import { canonicalAnswer } from "../../reasoner/equivalence.ts";

/** Each row is one class: equal within, different from every other row. */
const classes: readonly (readonly string[])[] = [
  ["yes", "Yes", "YES.", " yes ", "Yes!", "**Yes**", "`yes`", '"Yes."', "The answer is yes."],
  ["no", "No", "No."],
  ["no dogs"],
  ["no cats"],
  ["No, there are no dogs", "no, there are no dogs."],
  ["none"],
  ["daylight", "Daylight.", "the daylight"],
  ["light"],
  ["a", "A", "A.", "(A)", "a)", "( A )", "[A]", "$A$", "\\boxed{A}", "Answer: A"],
  ["b", "B", "(B)"],
  ["A. cat"],
  ["cat", "a cat", "A cat", "the cat.", "“cat”", "‘Cat’", "\\text{cat}"],
  ["A, B", "A and B", "A & B", "(A) and (B)"],
  ["and B"],
  ["1000", "1,000", "1000.0", "1,000.00", "+1000", "$1{,}000$", "\\boxed{1000}", "１０００"],
  ["1, 000"],
  ["0", "-0", "0.0", "zero"],
  ["3", "three", "Three.", "3.", "3.0", "+3", "6/2", "the answer is: 3", "\\( 3 \\)"],
  ["-3", "−3", "–3"],
  ["0.5", ".5", "1/2", "1 / 2", "½", "2/4", "0.50", "\\frac{1}{2}", "$\\dfrac{1}{2}$"],
  ["1.5", "1 1/2", "1½", "3/2", "1\\frac{1}{2}"],
  ["1/3", "2/6", "\\frac{1}{3}"],
  ["0.33"],
  ["0.333"],
  ["50%", "50 %", "50 percent", "fifty per cent", "50\\%", "50.0%"],
  ["50", "fifty"],
  ["21", "twenty-one", "twenty one"],
  ["3 cm", "3cm", "3.0 cm", "3 CM", "three centimetres", "3 centimeters."],
  ["3 m", "3 meters", "3 metre"],
  ["0.03 m"],
  ["3 m^2", "3 m²", "3 m2", "3 square metres", "3 m^{2}"],
  ["3 m/s", "3 metres per second", "3 m / s"],
  ["3 apples", "three apples", "3 Apples"],
  ["5 mW", "5 milliwatts"],
  ["5 MW", "5 megawatts"],
  ["5 $", "$5", "$5.00", "5 dollars", "\\$5"],
  ["30°", "30 degrees", "30^\\circ"],
  ["30 °C", "30°C", "30 ℃", "30 degrees Celsius"],
  ["3 pm", "3pm", "3 P.M.", "3 p.m."],
  ["10:30"],
  ["10.3"],
  ["007"],
  ["7"],
  ["3-4", "3–4"],
  ["3, 4"],
  ["-1"],
  ["2nd", "2 nd"],
  ["second"],
  ["1/2/2024"],
  ["5'10"],
  ["in"],
  ["red circle", "Red  circle", "the red circle", "red circle ."],
  ["New York"],
  ["x^10", "x¹⁰"],
];
const answers = classes.flat();

describe("traps", () => {
  test.each(classes.map((row, i) => [row[0], i] as const))("%s", (_, i) => {
    const row = classes[i] as readonly string[];
    for (const answer of row)
      expect([answer, canonicalAnswer(answer)]).toEqual([answer, canonicalAnswer(row[0] as string)]);
    for (const [j, other] of classes.entries()) {
      if (i !== j)
        for (const answer of other)
          expect(canonicalAnswer(answer)).not.toBe(canonicalAnswer(row[0] as string));
    }
  });
});

describe("an equivalence relation", () => {
  const choices = parseChoices("Which? (A) cat (B) 3 cm (C) no (D) B");
  for (const [name, options] of [
    ["without choices", []],
    ["with choices", choices],
  ] as const) {
    const same = answers.map((a) =>
      answers.map((b) => canonicalAnswer(a, options) === canonicalAnswer(b, options)),
    );
    const indices = answers.map((_, i) => i);

    test(`${name}: reflexive and symmetric`, () => {
      for (const i of indices) {
        expect(same[i]?.[i]).toBe(true);
        for (const j of indices) expect(same[i]?.[j]).toBe(same[j]?.[i]);
      }
    });

    test(`${name}: transitive`, () => {
      for (const i of indices) {
        for (const j of indices) {
          if (same[i]?.[j]) expect(same[j]).toEqual(same[i]);
        }
      }
    });

    test(`${name}: a canonical form is its own canonical form, whatever the text`, () => {
      const random = new RandomStream(7);
      const pieces = [
        ..."aAB3.05,;:!?/%$€°()[]{}'\"`*_-+\\ ^²½",
        "the ",
        "a ",
        " cm",
        "three ",
        "\\frac{1}{2}",
        "answer is ",
      ];
      const noise = Array.from({ length: 4000 }, () =>
        Array.from({ length: 1 + random.integer(7) }, () => random.pick(pieces)).join(""),
      );
      for (const answer of [...answers, ...noise]) {
        const canonical = canonicalAnswer(answer, options);
        expect([answer, canonicalAnswer(canonical, options)]).toEqual([answer, canonical]);
      }
    });
  }
});

describe("with the question's choices", () => {
  const animals = parseChoices("What is it? (A) cat (B) a dog (C) 3 cm (D) no dogs");

  test.each([
    [
      "a",
      [
        "A",
        "a.",
        "(A)",
        "A)",
        "Option A",
        "A. cat",
        "(A) cat",
        "A: Cat.",
        "A - cat",
        "cat",
        "a cat",
        "\\boxed{A}",
      ],
    ],
    ["b", ["B", "B. dog", "(b) a dog", "dog", "the dog"]],
    ["c", ["C", "3 cm", "3 centimetres", "C. 3cm", "3", "three"]],
    ["d", ["D", "no dogs", "D) No dogs"]],
    ["(a) dog", ["A. dog", "(A) the dog"]],
    ["4", ["4", "four"]],
    ["3 m", ["3 m", "3 metres"]],
    ["no", ["no"]],
    ["e", ["E"]],
  ])("%s", (canonical, given) => {
    for (const answer of given)
      expect([answer, canonicalAnswer(answer, animals)]).toEqual([answer, canonical]);
  });

  test("an answer that reads as two options once it is folded is none of them", () => {
    const genotypes = parseChoices("Which? (A) TT (B) Tt (C) tt");
    const given = ["TT", "**Tt**", "C. tt", "tT"];
    expect(given.map((answer) => canonicalAnswer(answer, genotypes))).toEqual(["a", "b", "c", "tT"]);
    const signatures = parseChoices("Which? (A) 3/4 (B) 6/8 (C) 2.10 (D) 2.1");
    const read = ["3/4", "The answer is 6/8.", "0.75", "2.10", "2.1", "2.100"];
    expect(read.map((answer) => canonicalAnswer(answer, signatures))).toEqual([
      "a",
      "b",
      "0.75",
      "c",
      "d",
      "2.100",
    ]);
  });

  test("numbered options", () => {
    const numbered = parseChoices("How many? 1) 2 2) 3 3) seven");
    const given = ["1)", "(2)", "2. 3", "7", "3", "2"];
    expect(given.map((answer) => canonicalAnswer(answer, numbered))).toEqual([
      "(1)",
      "(2)",
      "(2)",
      "(3)",
      "3",
      "2",
    ]);
  });

  test("a letter that is itself an option's text is read as the letter", () => {
    const swapped = parseChoices("Which letter? (A) B (B) A");
    expect(canonicalAnswer("B", swapped)).toBe("b");
  });
});

test("choices are read from the question", () => {
  const cat = [
    { label: "a", text: "cat" },
    { label: "b", text: "red dog" },
  ];
  for (const question of [
    "What is it? (A) cat (B) red dog",
    "What is it?\nA. cat\nB. red dog",
    "What is it? a) cat, b) red dog.",
    "what is it ? ( A ) cat ( B ) red dog",
    "What is it? A: cat; B: red dog",
    "What is it?(A)cat(B)red dog",
    "Is it a) cat, or b) red dog?",
    "What is it?\n- A. cat\n- B. red dog\nAnswer with the letter.",
    "What is it?\n* **A)** cat\n* **B)** red dog",
    "What is it? \\textbf{(A)} cat \\qquad \\textbf{(B)} red dog",
  ]) {
    expect([question, parseChoices(question)]).toEqual([question, cat]);
  }
  for (const question of [
    "Is vitamin A. good?",
    "When does it open, 8 a.m. or 9 b.m.?",
    "What are P(A) and P(B)?",
    "Figures (a) and (b): which is larger?",
    "Is picture A: larger than picture B: smaller?",
  ]) {
    expect([question, parseChoices(question)]).toEqual([question, []]);
  }
  expect(parseChoices("Is it open at 8 a.m. or 5 p.m.? (A) yes (B) no").map(({ text }) => text)).toEqual([
    "yes",
    "no",
  ]);
  expect(parseChoices("how many red circle ?")).toEqual([]);
  expect(parseChoices("Who? (A) J. Smith (B) E. Coli")).toEqual([
    { label: "a", text: "J. Smith" },
    { label: "b", text: "E. Coli" },
  ]);
});

test("no input takes work out of proportion, nor throws", () => {
  const units = [
    ..."1a([{)}\\$^_*\"',.√π½\u0301ﷺİ\0",
    "\\frac{",
    "\\frac1",
    "\\sqrt{",
    "x^{",
    "1,",
    "1 000 ",
  ];
  units.push(
    "hundred and ",
    "can not ",
    "the answer is ",
    "(a) ",
    "A. ",
    "in the ",
    "a&",
    "(1/2)",
    "1e9",
    "n't ",
  );
  for (const unit of units) {
    for (const length of [990, 10_000, 100_000]) {
      const text = unit.repeat(length / unit.length);
      const start = performance.now();
      const canonical = canonicalAnswer(text, [{ label: "a", text }]);
      parseChoices(text);
      // What this guards against takes minutes; the limit leaves room for a busy machine.
      expect([unit, length, performance.now() - start < 10_000]).toEqual([unit, length, true]);
      expect([unit, canonicalAnswer(canonical)]).toEqual([unit, canonicalAnswer(canonicalAnswer(canonical))]);
    }
  }
  expect(canonicalAnswer("7".repeat(10_000))).toBe("7".repeat(10_000));
  expect(canonicalAnswer(`${"7".repeat(500)}.50`)).toBe(`${"7".repeat(500)}.5`);
});
