import { expect, test } from "vitest";
import { parseHubName } from "../../hub/name.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";

test.each([
  ["HuggingFaceTB/SmolVLM-256M-Instruct", "HuggingFaceTB/SmolVLM-256M-Instruct", "main"],
  ["owner/model.v2@refs/pr/1", "owner/model.v2", "refs/pr/1"],
  [`owner/model@${commit}`, "owner/model", commit],
])("%s is a name", (text, repo, revision) => {
  expect(parseHubName(text)).toEqual({ repo, revision });
});

test.each([
  "model",
  "./owner/model",
  "/owner/model",
  "../model",
  "owner/..",
  "owner/model/more",
  "owner\\model",
  "owner/model@",
  "owner/model@../../x",
  "C:/model",
  "owner/mo del",
])("%s is none", (text) => {
  expect(parseHubName(text)).toBeUndefined();
});
