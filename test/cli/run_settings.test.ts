import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runSettings } from "../../cli/run_settings.ts";
import { fileLayer, valueLayer } from "../../cli/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-settings-"));
afterAll(() => rmSync(folder, { recursive: true }));

const of = (path: readonly string[], value: string) => runSettings([valueLayer("a test", path, value)]);

test("paths of what a run reads are absolute", () => {
  expect(of(["images", "data"], "photos").images.data).toBe(resolve("photos"));
  expect(of(["evaluation", "data"], "b.parquet").evaluation.data).toBe(resolve("b.parquet"));
  expect(of(["alarms", "audited"], "true.jsonl").alarms.audited).toBe(resolve("true.jsonl"));
  expect(of(["model"], "models/tiny").model.name).toBe(resolve("models/tiny"));
  expect(runSettings([]).images.data).toBeNull();
});

test("images.folder is an earlier name of images.data", () => {
  expect(of(["images", "folder"], "photos").images).toEqual(of(["images", "data"], "photos").images);
});

test("names of data sets on the hub stay names", () => {
  expect(of(["images", "data"], "owner/name@v1:part/test").images.data).toBe("owner/name@v1:part/test");
});

test("names of models stay names", () => {
  expect(of(["model"], "tiny").model.name).toBe("tiny");
  expect(of(["model"], "owner/name@main").model.name).toBe("owner/name@main");
});

test("~ is the home, in a file too", () => {
  const file = join(folder, "run.yaml");
  writeFileSync(file, "images: {folder: ~/photos}\nmodel: ~owner/name\n");
  const { images, model } = runSettings([fileLayer(file), valueLayer("a test", ["out"], "~")]);
  expect(images.data).toBe(join(homedir(), "photos"));
  expect(model.name).toBe("~owner/name");
  expect(of(["out"], "~").out).toBe(homedir());
});

test("the Python of a simulator is a name to look for, or an absolute path", () => {
  const python = (path: string) => {
    const environment = { name: "gymnasium", options: { id: "x", python: path } };
    const stages = [{ kind: "environment", environment }];
    const [stage] = runSettings([valueLayer("a test", ["stages"], stages)]).stages;
    return stage?.kind === "environment" ? stage.environment.options.python : undefined;
  };
  expect(python("python3.12")).toBe("python3.12");
  expect(python("simulators/bin/python")).toBe(resolve("simulators/bin/python"));
  expect(python("~/simulators/bin/python")).toBe(join(homedir(), "simulators/bin/python"));
});
