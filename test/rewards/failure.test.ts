import { expect, test } from "vitest";
import { failureOf, type JudgedTurn } from "../../rewards/failure.ts";

const turn = (use: JudgedTurn["use"] = null, understanding: number | null = null): JudgedTurn => ({
  use,
  understanding,
});

/** What was planted, and where the failure began. */
test.each<[string, JudgedTurn[], [number, string]]>([
  ["a wrong description, and all else right", [turn("used", 0.5), turn()], [0, "description"]],
  ["a wrong description in the only turn", [turn(null, 0)], [0, "description"]],
  ["a wrong description before a wrong call", [turn("wrong", 0.9), turn()], [0, "description"]],
  ["a wrong call", [turn("wrong", 1), turn()], [0, "call"]],
  ["a wrong call after one that was used", [turn("used"), turn("wrong"), turn()], [1, "call"]],
  ["a wrong call that a later one makes good", [turn("wrong"), turn("used"), turn()], [2, "use"]],
  ["a call that was made before", [turn("used"), turn("repeated"), turn()], [1, "call"]],
  ["an answer of a tool that is not used", [turn("unused", 1), turn()], [1, "use"]],
  ["one that is not used before a wrong call", [turn("unused"), turn("wrong"), turn()], [1, "use"]],
  ["a wrong conclusion from what was told", [turn("used", 1), turn("used"), turn()], [2, "use"]],
  ["no answer in all turns", [turn("used"), turn("unused")], [1, "use"]],
  ["a wrong answer, and nothing called", [turn(null, 1)], [0, "answer"]],
  ["a wrong answer of several turns, and nothing called", [turn(), turn()], [1, "answer"]],
])("%s", (_, turns, [place, kind]) => {
  expect(failureOf(turns)).toEqual({ turn: place, kind });
});
