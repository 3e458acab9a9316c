import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "../../common/shell_word.ts";

test("a shell reads back each text as one word", () => {
  const texts = ["runs/a-1", "my runs/it's", '$HOME `id` \\ "" *', "a\nb", "", "-n", "#x;&"];
  const line = `printf '%s\\0' ${texts.map(shellWord).join(" ")}`;
  expect(execFileSync("sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(texts);
  expect(shellWord("runs/a-1")).toBe("runs/a-1");
});
