import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import type { RunEvent } from "../../replay/events.ts";
import { readBeat } from "../../watch/beat.ts";
import { openMetrics, openWatchers, together } from "../../watch/open_watchers.ts";
import type { Watcher } from "../../watch/watcher.ts";
import { configOf } from "../fakes/config.ts";
import { at, finished, phaseStarted } from "../fakes/run_events.ts";

let folder: string;
let said: string[];
const say = (line: string) => said.push(line);
const watched = (config: RunConfig) => ({
  folder,
  config,
  attempt: 1,
  history: () => [],
  activity: () => [],
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "watchers-"));
  said = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("what a run is watched by follows from its configuration", async () => {
  const all = configOf({ watch: { metricsPort: 0 } });
  const metrics = await openMetrics(all.watch, say);
  expect(said).toEqual([`metrics at ${metrics?.url}`]);
  await (await openWatchers(watched(all), [metrics], say))[Symbol.asyncDispose]();
  expect((await readdir(folder)).sort()).toEqual(["status.json", "tensorboard"]);
  await metrics?.[Symbol.asyncDispose]();
  await expect(fetch(metrics?.url as string)).rejects.toThrow();

  await rm(folder, { recursive: true });
  const none = configOf({ watch: { tensorboard: false } });
  expect(await openMetrics(none.watch, say)).toBeNull();
  const watcher = await openWatchers(watched(none), [null], say);
  await watcher[Symbol.asyncDispose]();
  expect(said.slice(1)).toEqual([expect.stringContaining("heartbeat: could not write")]);
});

test("what cannot be had is a warning, and everything else goes on", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port: metricsPort } = taken.address() as AddressInfo;
  await writeFile(join(folder, "tensorboard"), "no folder");
  const config = configOf({ watch: { metricsPort } });

  const metrics = await openMetrics(config.watch, say);
  expect(metrics).toBeNull();
  const watchers = await openWatchers(watched(config), [metrics], say);
  watchers.apply(at(1, phaseStarted(1, "reasoner")));
  await watchers[Symbol.asyncDispose]();
  taken.close();
  expect(said).toEqual([
    expect.stringMatching(`found ${metricsPort} on 127.0.0.1, which is in use.*the run goes on without`),
    expect.stringMatching(/could not write .*tensorboard.*the run goes on without/),
  ]);
  expect((await readBeat(folder)).standing?.phase).toBe("reasoner");
});

test("that a run waits stands in its heartbeat", async () => {
  const config = configOf({ watch: { tensorboard: false } });
  const watchers = await openWatchers(watched(config), [], say);
  watchers.wait?.("waiting for 3 MB of room on the disk");
  await watchers[Symbol.asyncDispose]();
  expect((await readBeat(folder)).waitsFor).toBe("waiting for 3 MB of room on the disk");
});

test("a watcher that throws is said once, and neither the run nor the others notice", async () => {
  const seen: RunEvent[] = [];
  const broken: Watcher = {
    apply: () => {
      throw new TypeError("bug");
    },
    fail: () => {
      throw new TypeError("another");
    },
    [Symbol.asyncDispose]: () => Promise.reject(new Error("a third")),
  };
  const sound: Watcher = { ...broken, apply: (event) => seen.push(event), fail: () => {} };
  const watchers = together([broken], [sound], say);
  const events = [at(1, phaseStarted(1, "reasoner")), at(2, finished)];
  for (const event of events) watchers.apply(event);
  watchers.fail(new Error("end"));
  await watchers[Symbol.asyncDispose]();
  expect(seen).toEqual(events);
  expect(said).toEqual(["watching: TypeError: bug; the run goes on"]);
});
