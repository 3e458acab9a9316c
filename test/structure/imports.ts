import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { inside, roomOf, rooms, usersOf } from "./rooms.ts";

/** Every TypeScript file in a folder of the repository. */
export const sources: readonly string[] = readdirSync(".", { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\/.*\.tsx?$/.test(path) && !/^(dist|runs)\/|(^|\/)(node_modules|\..*)\//.test(path))
  .sort();

/** Those that are no tests. */
export const ours: readonly string[] = sources.filter((path) => !inside(path, "test"));

/** What a file imports, as it is written there; types, too. */
export function importsOf(path: string): string[] {
  const imports = codeOf(path).matchAll(/(?:\bfrom|\bimport|\bimport\s*\()\s*["']([^"'\n]+)["']/g);
  return [...imports].map(([, specifier]) => specifier as string);
}

/** Why a file may not import something, or undefined. */
export function objection(path: string, specifier: string): string | undefined {
  const owner = roomOf(path) as string;
  if (specifier.startsWith(".")) {
    const target = roomOf(join(dirname(path), specifier));
    if (!target) return `${path}: ${specifier} is in no room of the house`;
    if (target === owner || rooms[owner]?.includes(target)) return undefined;
    return `${path}: ${owner} may not import ${target} (${specifier})`;
  }
  const users = Object.entries(usersOf).find(([name]) => inside(specifier, name))?.[1];
  if (!users || users.some((user) => inside(path, user))) return undefined;
  return `${path}: only ${users.join(", ")} may import ${specifier}`;
}

/** What each file imports of the others. */
export function fileGraph(): Map<string, string[]> {
  const own = (path: string) => importsOf(path).filter((specifier) => specifier.startsWith("."));
  return new Map(ours.map((path) => [path, own(path).map((name) => join(dirname(path), name))]));
}

/** What the files of each room import of other rooms. */
export function roomGraph(): Map<string, Set<string>> {
  const graph = new Map(Object.keys(rooms).map((room) => [room, new Set<string>()]));
  for (const [path, targets] of fileGraph()) {
    const room = roomOf(path);
    for (const target of targets.map(roomOf))
      if (room && target && target !== room) graph.get(room)?.add(target);
  }
  return graph;
}

/** Paths that lead from where they start back to there, one for each circle that the search meets. */
export function circles(graph: ReadonlyMap<string, Iterable<string>>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) found.push([...path.slice(path.indexOf(node)), node]);
    if (done.has(node) || path.includes(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...path, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}

/** The lines of a file that do something, rather than declare it, as soon as it is imported. */
export function effectsOf(path: string): string[] {
  const code = codeOf(path).replace(/`(?:\\.|[^`\\])*`/gs, "``");
  const declares = /^(import|export|async function|function|class|abstract class|interface|type|const|let)\b/;
  return code.split("\n").filter((line) => /^[A-Za-z_$(]/.test(line) && !declares.test(line));
}

/** Names that are exported, and that nothing but a test mentions again. */
export function unusedExports(): string[] {
  const code = ours.map(codeOf).join("\n");
  const mentions = new Map<string, number>();
  for (const word of code.match(/[\w$]+/g) ?? []) mentions.set(word, (mentions.get(word) ?? 0) + 1);
  const exported = code.matchAll(
    /^export (?:abstract |async )*(?:const|let|function\*?|class|interface|type) ([\w$]+)/gm,
  );
  return [...exported].flatMap(([, name]) => (mentions.get(name as string) === 1 ? [name as string] : []));
}

/** A file without its comments. */
function codeOf(path: string): string {
  return readFileSync(path, "utf8").replace(/^\s*(\/\/|\/?\*).*$/gm, "");
}
