import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { RunSettingsSchema } from "../../arena/config/config.ts";
import { exitCodes } from "../../common/errors.ts";
import { spawnProgram } from "../built.ts";
import { visplay } from "./visplay.ts";

test("help lists the commands, and each command its settings", async () => {
  const { code, stdout } = await spawnProgram(["--help"]);
  expect(code).toBe(0);
  for (const command of ["train", "plan", "status", "eval", "pretrain", "config"])
    expect(stdout).toContain(`  ${command} `);
  const train = await visplay("train", "--help");
  expect(train.status).toBe(0);
  for (const flag of ["config", "images", "model", "rounds", "out", "seed", "metrics-port", "set"]) {
    expect(train.stdout).toContain(`--${flag} <`);
  }
});

test("a checkout's command hands on arguments, exit code and message", async () => {
  const typo = spawnSync(process.execPath, ["bin/visplay.js", "trian"], { encoding: "utf8" });
  expect(typo.status).toBe(exitCodes.usage);
  expect(typo.stderr).toContain("Did you mean train?");
});

test("exit codes differ by cause, and the message says what to change", async () => {
  const nowhere = join(tmpdir(), "visplay-nowhere");
  expect(await visplay("train", "--set", "reasoner.groupsize=4")).toMatchObject({
    status: exitCodes.config,
    stderr: expect.stringContaining("did you mean groupSize?"),
  });
  expect(await visplay("train", "--set", "questioner.groupSize=1")).toMatchObject({
    status: exitCodes.config,
    stderr: expect.stringContaining("found 1, expected at least 2"),
  });
  expect(await visplay("train", "--model", nowhere)).toMatchObject({
    status: exitCodes.model,
    stderr: expect.stringContaining(nowhere),
  });
  expect(await visplay("status", nowhere)).toMatchObject({
    status: exitCodes.notARun,
    stderr: expect.stringContaining(`${nowhere} is no run's folder`),
  });
  expect(await visplay("train", "--images", nowhere)).toMatchObject({
    status: exitCodes.images,
    stderr: expect.not.stringContaining("    at "),
  });
});

test("`visplay config` prints a configuration that reads back as the defaults", async () => {
  const { stdout } = await visplay("config");
  expect(stdout).toContain("  groupSize: 8 # G, completions per prompt\n");
  expect((await visplay("config", "--set", "rounds=7")).stdout).toContain("rounds: 7 #");
  expect(RunSettingsSchema.parse(parse(stdout))).toEqual(RunSettingsSchema.parse({}));
});
