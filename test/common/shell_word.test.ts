import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord, shellWords } from "../../common/shell_word.ts";

test("a shell reads back each text as one word", () => {
  const texts = ["runs/a-1", "my runs/it's", '$HOME `id` \\ "" *', "a\nb", "", "-n", "#x;&"];
  const line = `printf '%s\\0' ${texts.map(shellWord).join(" ")}`;
  expect(execFileSync("sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(texts);
  expect(shellWord("runs/a-1")).toBe("runs/a-1");
});

test("a line is split into the words that a shell makes of it", () => {
  const lines = [
    "npx -y  server",
    `run 'a b' "c d" e\\ f`,
    `--key="it's \\"so\\" \\\\" 'x'y"z"`,
    "'' \"\" -",
    `"a\\b" '\\'`,
  ];
  for (const line of lines) {
    const read = execFileSync("sh", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" });
    expect(shellWords(line), line).toEqual(read.split("\0").slice(0, -1));
  }
  expect(shellWords("$HOME *")).toEqual(["$HOME", "*"]);
  const words = ["runs/a-1", "my runs/it's", '$HOME `id` \\ "" *', ""];
  expect(shellWords(words.map(shellWord).join(" "))).toEqual(words);
});
