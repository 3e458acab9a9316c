import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { RunSettingsSchema } from "../../arena/config/config.ts";
import { schemaAt, shapeOf } from "../../cli/schema.ts";
import { exitCodes } from "../../common/errors.ts";
import manifest from "../../package.json" with { type: "json" };
import { anchorsOf, blocksOf, pages, texts } from "./pages.ts";

const groups = shapeOf(RunSettingsSchema) ?? {};

describe.each(texts)("%s", (path) => {
  const text = readFileSync(path, "utf8").replace(/^```[\s\S]*?^```$/gm, "");
  const inCode = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);

  test("its links lead somewhere", () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const dead = links.filter(([, file = "", anchor]) => {
      const target = file ? join(dirname(path), file) : path;
      return !existsSync(target) || (anchor && !anchorsOf(target).includes(anchor));
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });

  test("npm knows the scripts that it names", () => {
    const named = [...readFileSync(path, "utf8").matchAll(/\bnpm run ([\w:-]+)/g)].map(
      ([, name = ""]) => name,
    );
    expect(named.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([]);
  });

  test("the settings and files that it names exist", () => {
    const dotted = inCode.flatMap(
      (code) => /^(?:--set )?([a-z]\w*(?:\.(?!json|safetensors)[a-z]\w*)+)(?:=\S+)?$/i.exec(code)?.[1] ?? [],
    );
    const settings = dotted.map((name) => name.split(".")).filter(([group = ""]) => group in groups);
    expect(settings.filter((path) => !schemaAt(RunSettingsSchema, path))).toEqual([]);
    const files = inCode.filter((code) => /^[\w-]+(\/[\w-]+)+\.(ts|json|py|md|js)$/.test(code));
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});

test("the README leads to every page", () => {
  const linked = [...readFileSync("README.md", "utf8").matchAll(/\]\((docs\/[\w-]+\.md)\)/g)];
  const written = readdirSync("docs").filter((name) => name.endsWith(".md"));
  expect([...new Set(linked.map(([, page]) => page))].sort()).toEqual(
    written.map((name) => `docs/${name}`).sort(),
  );
  expect(pages.toSorted()).toEqual(["README.md", ...written.map((name) => `docs/${name}`)].sort());
});

test("settings that a page shows as YAML are settings", () => {
  const shown = pages.flatMap(blocksOf).filter(({ language }) => language === "yaml");
  expect(shown.length).toBeGreaterThan(0);
  for (const { code } of shown) expect(() => RunSettingsSchema.parse(parse(code))).not.toThrow();
});

test("every exit code stands in the table", () => {
  const table = readFileSync("docs/settings.md", "utf8").split("## Exit codes")[1] ?? "";
  const listed = [...table.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, codes = ""]) => codes.split(", "));
  expect(listed.map(Number)).toEqual([0, 1, ...Object.values(exitCodes)]);
});
