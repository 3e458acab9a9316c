import { expect, test } from "vitest";
import { escapeControls } from "../../common/printable.ts";

test("what a terminal would act on is written as an escape", () => {
  expect(escapeControls("\u001b[31mred\u001b[0m\u0007")).toBe("\\u001b[31mred\\u001b[0m\\u0007");
  expect(escapeControls("a\nb\r\tc\u0000\u007f\u009b2J")).toBe("a\\nb\\r\\tc\\u0000\\u007f\\u009b2J");
  expect(escapeControls("photo\u202egpj.exe\u2066\u2069 \u2028")).toBe(
    "photo\\u202egpj.exe\\u2066\\u2069 \\u2028",
  );
  expect(escapeControls("\ud83d half, \udc00 half")).toBe("\\ud83d half, \\udc00 half");
});

test("every other text stays as it is", () => {
  const texts = ["naïve · 火 · 👩‍🚀 · שלום", "back\\slash \\x1b", ""];
  expect(texts.map(escapeControls)).toEqual(texts);
});

test("JSON stays the same JSON", () => {
  const json = JSON.stringify({ text: "\u009b2J \u202e \u2028 \u007f \n" });
  expect(escapeControls(json)).toMatch(/^[ -~]+$/);
  expect(JSON.parse(escapeControls(json))).toEqual(JSON.parse(json));
});

test("no code unit that a terminal acts on is left, and doing it twice changes nothing", () => {
  const all = Array.from({ length: 0x10000 }, (_, unit) => escapeControls(String.fromCharCode(unit)));
  expect(all.filter((text) => /\p{Cc}|\p{Surrogate}/u.test(text))).toEqual([]);
  expect(all.map(escapeControls)).toEqual(all);
});
