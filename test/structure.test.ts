import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path/posix";
import { describe, expect, test } from "vitest";
import biome from "../biome.json" with { type: "json" };

const base = ["common", "images", "autodiff"];
const parts = ["policy", "questioner", "reasoner", "rewards", "replay"];
const everything = [...base, ...parts, "hub", "arena", "replay/inspector", "watch"];

/** What each folder may import beside itself; nothing imports cli. biome.json says the same, as a test checks. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  common: [],
  hub: ["common"],
  images: ["common"],
  autodiff: ["common"],
  policy: base,
  questioner: ["common", "images", "policy"],
  reasoner: ["common", "images", "policy"],
  rewards: ["common"],
  replay: ["common"],
  "replay/inspector": ["common", "replay"],
  watch: ["common", "replay"],
  arena: [...base, ...parts],
  bench: everything,
  cli: everything,
};

/** The folders that alone may import a package. */
const usersOf: Readonly<Record<string, readonly string[]>> = {
  rxjs: ["arena", "cli", "replay/inspector"],
  "onnxruntime-node": ["autodiff/onnx"],
  "prom-client": ["watch"],
  libsql: ["replay"],
  "@huggingface/hub": ["hub"],
};

const maxLines = 400;
const inside = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
/** The most specific of `folders` that holds a path. */
const folderOf = (path: string, folders: readonly string[]) =>
  folders.filter((folder) => inside(path, folder)).sort((a, b) => b.length - a.length)[0];

function importsOf(path: string): string[] {
  const source = readFileSync(path, "utf8").replace(/^\s*(\/\/|\/?\*).*$/gm, "");
  const imports = source.matchAll(/(?:\bfrom|\bimport|\bimport\s*\()\s*["']([^"'\n]+)["']/g);
  return [...imports].map(([, specifier]) => specifier as string);
}

/** Why a file may not import something, or undefined. */
function objection(path: string, specifier: string): string | undefined {
  const owner = folderOf(path, Object.keys(mayImport)) as string;
  if (specifier.startsWith(".")) {
    const target = folderOf(join(dirname(path), specifier), Object.keys(mayImport));
    if (!target) return `${path}: ${specifier} is in no folder of the table`;
    if (target === owner || mayImport[owner]?.includes(target)) return undefined;
    return `${path}: ${owner} may not import ${target} (${specifier})`;
  }
  const users = Object.entries(usersOf).find(([name]) => inside(specifier, name))?.[1];
  if (!users || users.some((user) => inside(path, user))) return undefined;
  return `${path}: only ${users.join(", ")} may import ${specifier}`;
}

const sources = readdirSync(".", { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\/.*\.ts$/.test(path) && !/^(dist|runs)\/|(^|\/)(node_modules|\..*)\//.test(path));
const ours = sources.filter((path) => !inside(path, "test"));

describe("structure", () => {
  test("every source stands in a folder of the table", () => {
    expect(ours.filter((path) => !folderOf(path, Object.keys(mayImport)))).toEqual([]);
  });

  test("imports go only in the directions of the table", () => {
    expect(ours.flatMap((path) => importsOf(path).flatMap((name) => objection(path, name) ?? []))).toEqual(
      [],
    );
  });

  test("the check sees what it should", () => {
    expect(objection("questioner/prompt.ts", "../reasoner/vote.ts")).toMatch("may not import reasoner");
    expect(objection("arena/play.ts", "../cli/main.ts")).toMatch("may not import cli");
    expect(objection("cli/model.ts", "@huggingface/hub")).toMatch("only hub may import @huggingface/hub");
    expect(objection("arena/play.ts", "../watch/watch.ts")).toMatch("may not import watch");
    expect(objection("cli/train.ts", "prom-client")).toMatch("only watch may import prom-client");
    expect(objection("replay/store.ts", "./inspector/page.ts")).toMatch("may not import replay/inspector");
    expect(objection("policy/models/layers.ts", "rxjs/operators")).toMatch("may import rxjs/operators");
    expect(objection("policy/worker.ts", "onnxruntime-node")).toMatch("only autodiff/onnx");
    expect(objection("autodiff/onnx/session.ts", "onnxruntime-node")).toBeUndefined();
    expect(objection("policy/models/layers.ts", "../../autodiff/tensor.ts")).toBeUndefined();
  });

  test(`no file has more than ${maxLines} lines`, () => {
    const lines = (path: string) => readFileSync(path, "utf8").split("\n").length - 1;
    expect(sources.filter((path) => lines(path) > maxLines)).toEqual([]);
  });

  test("biome.json restricts the same imports", () => {
    const names = [...new Set([...Object.keys(mayImport), ...Object.values(usersOf).flat()])];
    expect(biome.overrides).toEqual(names.sort().map((folder) => biomeOverride(folder, names)));
  });
});

/** The linter's rule for one folder, without its nested folders that have a rule of their own. */
function biomeOverride(folder: string, names: readonly string[]) {
  const owner = folderOf(folder, Object.keys(mayImport)) as string;
  const allowed = mayImport[owner] ?? [];
  const folders = Object.keys(mayImport).filter((name) => name !== owner && !allowed.includes(name));
  const packages = Object.keys(usersOf).filter(
    (name) => !usersOf[name]?.some((user) => inside(folder, user)),
  );
  const nested = names.filter((name) => name !== folder && inside(name, folder));
  const group = [
    `**/{${folders.map((name) => basename(name)).join()}}/**`,
    ...packages.flatMap((name) => [name, `${name}/**`]),
  ];
  const message = `${folder} imports only ${["itself", ...allowed].join(", ")}; see test/structure.test.ts`;
  const options = { patterns: [{ group, message }] };
  return {
    includes: [`${folder}/**`, ...nested.map((name) => `!${name}/**`)],
    linter: { rules: { style: { noRestrictedImports: { level: "error", options } } } },
  };
}
