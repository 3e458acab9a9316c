import { readFileSync } from "node:fs";
import { basename } from "node:path/posix";
import { describe, expect, test } from "vitest";
import { drawing } from "./structure/drawing.ts";
import {
  circles,
  effectsOf,
  fileGraph,
  importsOf,
  objection,
  ours,
  roomGraph,
  sources,
  unusedExports,
} from "./structure/imports.ts";
import { reduced } from "./structure/layout.ts";
import { linterRules } from "./structure/linter.ts";
import { roomOf, rooms } from "./structure/rooms.ts";

const maxLines = 400;
const generated = "is older than the code or test/structure/rooms.ts; `npm run house` writes it anew";

describe("structure", () => {
  test("every source stands in a room, and every room holds sources", () => {
    expect(ours.filter((path) => !roomOf(path))).toEqual([]);
    expect(Object.keys(rooms).filter((room) => !ours.some((path) => roomOf(path) === room))).toEqual([]);
  });

  test("a room may import those above it in the table, and names differ in their last part", () => {
    const names = Object.keys(rooms);
    for (const [at, room] of names.entries())
      expect(names.slice(0, at)).toEqual(expect.arrayContaining([...(rooms[room] ?? [])]));
    expect(new Set(names.map((room) => basename(room))).size).toBe(names.length);
  });

  test("imports go only in the directions of the table", () => {
    expect(ours.flatMap((path) => importsOf(path).flatMap((name) => objection(path, name) ?? []))).toEqual(
      [],
    );
  });

  test("nothing is allowed that nobody needs", () => {
    const found = [...roomGraph()].map(([room, targets]) => [room, [...targets].sort()]);
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(rooms).map(([room, allowed]) => [room, allowed.toSorted()])),
    );
  });

  test("the check sees what it should", () => {
    expect(objection("questioner/prompt.ts", "../reasoner/vote.ts")).toMatch("may not import reasoner");
    expect(objection("questioner/prompt.ts", "../policy/port.ts")).toBeUndefined();
    expect(objection("questioner/prompt.ts", "../policy/chat/tokenizer.ts")).toMatch("import policy/chat");
    expect(objection("policy/weights/export.ts", "../chat/tokenizer.ts")).toMatch("import policy/chat");
    expect(objection("arena/play.ts", "../cli/main.ts")).toMatch("may not import cli");
    expect(objection("arena/play.ts", "../watch/watch.ts")).toMatch("may not import watch");
    expect(objection("arena/config/config.ts", "../run.ts")).toMatch("may not import arena");
    expect(objection("arena/checkpoints/manifest.ts", "../run.ts")).toBeUndefined();
    expect(objection("arena/play.ts", "../tools/fold.ts")).toMatch("in no room of the house");
    expect(objection("cli/model.ts", "@huggingface/hub")).toMatch("only hub may import @huggingface/hub");
    expect(objection("cli/train.ts", "prom-client")).toMatch("only watch may import prom-client");
    expect(objection("policy/models/layers.ts", "rxjs/operators")).toMatch("may import rxjs/operators");
    expect(objection("policy/parallel/worker.ts", "onnxruntime-node")).toMatch("only autodiff/onnx");
    expect(objection("autodiff/onnx/session.ts", "onnxruntime-node")).toBeUndefined();
    expect(objection("policy/models/layers.ts", "../../autodiff/tensor.ts")).toBeUndefined();
  });

  test("no file comes back to itself through what it imports", () => {
    expect(circles(fileGraph())).toEqual([]);
    expect(circles(new Map(Object.entries({ a: ["b"], b: ["c", "d"], c: [], d: ["b"] })))).toEqual([
      ["b", "d", "b"],
    ]);
  });

  test("what others import does nothing when it is imported; programs set what a process has", () => {
    const imported = new Set([...fileGraph().values()].flat());
    const effects = ours.filter((path) => imported.has(path)).map((path) => [path, ...effectsOf(path)]);
    expect(effects.filter(([, ...lines]) => lines.length > 0)).toEqual([]);
    expect(effectsOf("cli/main.ts")).toContain("keepNoImages();");
  });

  test("nothing is there for tests alone", () => {
    expect(unusedExports()).toEqual([]);
  });

  test(`no file has more than ${maxLines} lines`, () => {
    const lines = (path: string) => readFileSync(path, "utf8").split("\n").length - 1;
    expect(sources.filter((path) => lines(path) > maxLines)).toEqual([]);
  });

  test("the linter has the rules of the table", async () => {
    await expect(linterRules(), `test/structure/linter.json ${generated}`).toMatchFileSnapshot(
      "structure/linter.json",
    );
  });

  test("docs/house.svg shows which room imports which, once", async () => {
    const graph = new Map(Object.entries({ a: ["d", "b", "c"], b: ["c"], c: ["d"], d: [] }));
    expect(Object.fromEntries(reduced(graph))).toEqual({ a: ["b"], b: ["c"], c: ["d"], d: [] });
    await expect(drawing(roomGraph()), `docs/house.svg ${generated}`).toMatchFileSnapshot(
      "../docs/house.svg",
    );
  });
});
