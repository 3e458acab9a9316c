import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFolderSearch } from "../../../environments/tools/search/search.ts";
import { openSearxng } from "../../../environments/tools/search/searxng.ts";
import type { Tool } from "../../../environments/tools/tool.ts";
import { ToolRunner } from "../../../environments/tools/tool_runner.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-search-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>, name = "docs"): string {
  for (const [file, text] of Object.entries(files)) {
    const path = join(folder, name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return join(folder, name);
}

async function answer(tool: Tool, given: object): Promise<string> {
  const runner = new ToolRunner([tool], { timeLimitMs: 20_000, maxText: 100_000, maxPixels: 1_000_000 });
  const context = { images: [], before: [], seed: 0, signal: new AbortController().signal };
  return (await runner.answer({ name: "search", arguments: given }, context)).parts[0] as string;
}

/** The names of what was found, in order. */
async function found(tool: Tool, query: string, limit = 20): Promise<string[]> {
  const text = await answer(tool, { query, limit });
  return [...text.matchAll(/^\[\d+\] (.*)$/gm)].map(([, name]) => name as string);
}

const setting = "stages.0.tools.use.0.search";

describe("search over a folder", () => {
  test("finds passages by their words, of texts, pages and records, under their files' names", async () => {
    const docs = write({
      "birds/heron.txt": "The grey heron stands in shallow water.\n\nIt eats frogs and fish.",
      "fox.md": "# Fox\n\nA fox is red, and clever.",
      "page.html":
        "<html><head><style>.owl { color: red }</style><script>var owl = 1</script></head><body><h1>The&nbsp;owl</h1><p>An owl hunts at night &amp; sees &#x77;ell.</p><!-- owl of the comment --></body></html>",
      "facts.jsonl":
        '{"id": 1, "text": "Whales breathe air."}\n\n{"title": "Bats", "more": {"a": ["Bats hang."]}}\n',
      "picture.png": "fox fox fox",
      ".hidden/fox.txt": "a hidden fox",
    });
    const { tool } = await openFolderSearch(docs, setting);
    expect(await answer(tool, { query: "frogs" })).toBe(
      "[1] birds/heron.txt\nThe grey heron stands in shallow water.\n\nIt eats frogs and fish.",
    );
    expect(await found(tool, "fox")).toEqual(["fox.md"]);
    expect(await answer(tool, { query: "owl" })).toBe(
      "[1] page.html\nThe owl\n\nAn owl hunts at night & sees well.",
    );
    expect(await found(tool, "whale")).toEqual(["facts.jsonl:1"]);
    expect(await answer(tool, { query: "bats" })).toBe("[1] facts.jsonl:3\nBats\n\nBats hang.");
    expect(await answer(tool, { query: "zebra" })).toBe("nothing was found; try other words");
  });

  test("puts the best first, gives as many as it is asked for, and always the same", async () => {
    const docs = write(
      Object.fromEntries(
        Array.from({ length: 30 }, (_, i) => [
          `${String(i).padStart(2, "0")}.txt`,
          `The house number ${i} ${i === 17 ? "of marble, marble" : "of wood"}.`,
        ]),
      ),
      "houses",
    );
    const { tool } = await openFolderSearch(docs, setting);
    expect((await found(tool, "house of marble"))[0]).toBe("17.txt");
    // Those that are equally good come by their names.
    const woods = await found(tool, "wood", 12);
    expect(woods).toEqual([...woods].sort());
    expect(woods.length).toBe(12);
    const again = await openFolderSearch(docs, setting);
    expect(await found(again.tool, "house of marble")).toEqual(await found(tool, "house of marble"));
  });

  test("shows long documents in passages, of which none loses a word", async () => {
    const words = Array.from({ length: 2000 }, (_, i) => `w${i}${i % 9 === 8 ? "." : ""}`);
    const docs = write({ "long.txt": words.join(" "), "unbroken.txt": "x".repeat(3000) }, "long");
    const { tool } = await openFolderSearch(docs, setting);
    const text = await answer(tool, { query: "w1234" });
    expect(text.length).toBeLessThan(850);
    for (const word of ["w0", "w776", "w777", "w1999"]) {
      const [first] = (await answer(tool, { query: word })).split("\n\n");
      expect(first?.split(/[\s.]+/), word).toContain(word);
    }
  });

  test("is pinned by what the documents say", async () => {
    const docs = write({ "a.txt": "one" }, "pinned");
    const digest = async () => (await openFolderSearch(docs, setting)).digest;
    const first = await digest();
    expect(await digest()).toBe(first);
    write({ "a.txt": "two" }, "pinned");
    const second = await digest();
    expect(second).not.toBe(first);
    write({ "b.txt": "" }, "pinned");
    expect(await digest()).not.toBe(second);
  });

  test.each([
    [
      "is not there",
      () => join(folder, "nowhere"),
      "config",
      /^stages.0.tools.use.0.search: .*cannot be read/,
    ],
    [
      "has no documents",
      () => write({ "a.png": "" }, "none"),
      "config",
      /found no document in .*\.txt, \.md/,
    ],
    [
      "has a broken record",
      () => write({ "a.jsonl": "{}\n{a}" }, "broken"),
      "data",
      /^a.jsonl:2: found no JSON/,
    ],
  ])("is refused for a folder that %s", async (_, make, code, message) => {
    await expect(openFolderSearch(make(), setting)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

describe("search by SearXNG", () => {
  let server: Server;
  let address: string;
  const asked: URL[] = [];
  beforeAll(async () => {
    server = createServer(({ url = "" }, response) => {
      const question = new URL(url, "http://localhost");
      asked.push(question);
      const query = question.searchParams.get("q") ?? "";
      if (query === "busy") response.writeHead(429).end("later");
      else if (question.pathname !== "/meta/search") response.writeHead(403).end("<html>");
      else {
        const results = [1, 2, 3].map((i) => ({
          title: `${query} ${i}`,
          url: `https://x/${i}`,
          content: "text",
        }));
        response.end(JSON.stringify({ query, results: query === "none" ? [] : results }));
      }
    }).listen(0);
    await new Promise((resolve) => server.once("listening", resolve));
    address = `http://localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  test("asks in JSON, and gives titles, addresses and texts", async () => {
    const tool = await openSearxng(`${address}/meta`, setting);
    expect(await answer(tool, { query: "red & blue", limit: 2 })).toBe(
      "[1] red & blue 1 https://x/1\ntext\n\n[2] red & blue 2 https://x/2\ntext",
    );
    expect(asked.at(-1)?.searchParams.get("format")).toBe("json");
    expect(await answer(tool, { query: "none" })).toMatch(/nothing was found/);
    expect(await answer(tool, { query: "busy" })).toBe(`error: failed: ${address}/meta answered 429`);
  });

  test("is refused where it may not answer in JSON, or is not there", async () => {
    await expect(openSearxng(address, setting)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(
        /^stages.0.tools.use.0.search: .* answered 403; expected .*search.formats/,
      ),
    });
    await expect(openSearxng("http://localhost:1", setting)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/cannot be reached/),
    });
  });
});
