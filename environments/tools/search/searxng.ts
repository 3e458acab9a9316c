import * as z from "zod";
import { VisplayError } from "../../../common/errors.ts";
import { defineTool, type Tool, ToolFault } from "../tool.ts";
import { listOf, searchArguments } from "./search.ts";

const answer = z.object({
  results: z.array(z.object({ title: z.string(), url: z.string(), content: z.string().nullish() })),
});

/**
 * Search by a SearXNG at an address. It is asked once as it is opened, so that what is wrong with it is known at once.
 * Throws a `VisplayError` of code "config".
 */
export async function openSearxng(address: string, setting: string): Promise<Tool> {
  const tool = defineTool({
    name: "search",
    description: "searches the web, the best pages first",
    arguments: searchArguments,
    isPure: false,
    async run({ query, limit }, { signal }) {
      const { results } = await ask(address, query, signal);
      const pages = results.map(({ title, url, content }) => ({
        name: `${title} ${url}`,
        text: content ?? "",
      }));
      return [listOf(pages.slice(0, limit))];
    },
  });
  try {
    await ask(address, "test", AbortSignal.timeout(firstLimitMs));
  } catch (cause) {
    const message = `${setting}: ${(cause as Error).message}; expected the address of a SearXNG that may answer in JSON (search.formats in its settings)`;
    throw new VisplayError("config", message, { cause });
  }
  return tool;
}

/** What the first question may take. */
const firstLimitMs = 30_000;

async function ask(address: string, query: string, signal: AbortSignal): Promise<z.infer<typeof answer>> {
  const url = new URL("search", address.endsWith("/") ? address : `${address}/`);
  url.search = new URLSearchParams({ q: query, format: "json" }).toString();
  const response = await fetch(url, { signal }).catch((cause: Error) => {
    throw new ToolFault("failed", `${address} cannot be reached (${cause.message})`, { cause });
  });
  if (!response.ok) throw new ToolFault("failed", `${address} answered ${response.status}`);
  const found = answer.safeParse(await response.json().catch(() => null));
  if (found.success) return found.data;
  throw new ToolFault("failed", `${address} answered with no list of results`);
}
