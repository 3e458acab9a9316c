import { createHash } from "node:crypto";
import MiniSearch from "minisearch";
import * as z from "zod";
import { defineTool, type Tool } from "../tool.ts";
import { type Document, documentsOf, readFiles } from "./documents.ts";
import { passagesOf } from "./passages.ts";

/** A tool, and a SHA-256 of what it searches. */
export interface FolderSearch {
  readonly tool: Tool;
  readonly digest: string;
}

export const searchArguments: z.ZodType<{ readonly query: string; readonly limit: number }> = z.strictObject({
  query: z.string().min(1).max(1000).describe("words to look for"),
  limit: z.int().min(1).max(20).default(5).describe("how many results, at most"),
});

/**
 * Full-text search over a folder of documents, all of which are kept in memory. The same folder and query always have
 * the same answer. Throws a `VisplayError` of code "config" where the folder has no documents, "data" where one is broken.
 */
export async function openFolderSearch(folder: string, setting: string): Promise<FolderSearch> {
  const files = await readFiles(folder, setting);
  const digest = createHash("sha256");
  for (const { name, content } of files)
    digest.update(JSON.stringify([name, content.length])).update(content);
  const passages = files.flatMap((file) => documentsOf(file).flatMap(passagesOf));
  return { tool: searchOf(passages), digest: digest.digest("hex") };
}

function searchOf(passages: readonly Document[]): Tool {
  const index = new MiniSearch({
    fields: ["text", "name"],
    searchOptions: { prefix: (term) => term.length > 3 },
  });
  index.addAll(passages.map((passage, id) => ({ id, ...passage })));
  return defineTool({
    name: "search",
    description: "finds passages in the documents at hand by the words in them, the best first",
    arguments: searchArguments,
    isPure: true,
    async run({ query, limit }) {
      const found = index.search(query).sort((a, b) => b.score - a.score || a.id - b.id);
      return [listOf(found.slice(0, limit).map(({ id }) => passages[id] as Document))];
    },
  });
}

/** What was found, each under its name. */
export function listOf(found: readonly Document[]): string {
  if (found.length === 0) return "nothing was found; try other words";
  return found.map(({ name, text }, i) => `[${i + 1}] ${name}\n${text}`).join("\n\n");
}
