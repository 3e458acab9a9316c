import { readdirSync, readFileSync } from "node:fs";

/** What users read, the README first: commands of later pages use what earlier ones have made. */
export const pages: readonly string[] = [
  "README.md",
  ...[
    "images",
    "data",
    "settings",
    "stages",
    "environments",
    "decisions",
    "robot",
    "tools",
    "rewards",
    "model",
    "rounds",
    "questions",
    "looking",
    "attribution",
    "figures",
    "long-runs",
    "records",
    "inspect",
    "export",
    "hand-off",
    "python",
    "engine",
  ].map((name) => `docs/${name}.md`),
];

/** Every text of the project that links, those that contributors read included. */
export const texts: readonly string[] = [
  ...readdirSync("."),
  ...["docs", "replay", "bench/figures"].flatMap((folder) =>
    readdirSync(folder).map((name) => `${folder}/${name}`),
  ),
].filter((path) => path.endsWith(".md"));

/** One fenced block of a page. */
export interface Block {
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** Why nothing runs it, from the comment `<!-- not run: … -->` before it; undefined where it is to run. */
  readonly notRun: string | undefined;
}

/** The fenced blocks of a page, in order. */
export function blocksOf(path: string): Block[] {
  const page = readFileSync(path, "utf8");
  const fences = page.matchAll(
    /(?:^<!-- not run: (?<notRun>.+) -->\n)?^```(?<language>\w*)\n(?<code>[\s\S]*?)^```$/gm,
  );
  return [...fences].map(({ index, groups }) => {
    const { notRun, language = "", code = "" } = groups ?? {};
    return { line: page.slice(0, index).split("\n").length, language, code, notRun };
  });
}

/** The names that GitHub gives to a page's headings. */
export function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, "utf8").matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
