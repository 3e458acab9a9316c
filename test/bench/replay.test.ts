import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { firstPages, pageQueries } from "../../bench/first_pages.ts";
import { longRun } from "../../bench/long_run.ts";
import { syntheticSteps } from "../../bench/synthetic_episodes.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { ReplayWriter } from "../../replay/writer.ts";

it("looks at first pages of as many episodes as were asked for", async () => {
  const folder = await mkdtemp(join(tmpdir(), "replay-"));
  try {
    const steps = [...syntheticSteps(1000)];
    using writer = ReplayWriter.create(folder);
    for (const step of steps) writer.append(step);
    using reader = ReplayReader.open(folder);
    expect([...reader.events()].map(({ event }) => event)).toEqual(steps.flat());
    expect(steps.flat()).toHaveLength(1000);
    const queries = pageQueries(reader);
    const names = new Set(queries.map(({ name }) => name));
    expect(names.size).toBe(queries.length);
    const some = queries.filter((_, i) => i % 11 === 0);
    const pages = firstPages(reader, some);
    expect(pages.map(({ name }) => name)).toEqual(some.map(({ name }) => name));
    const filled = pages.filter(({ episodes }) => episodes > 0);
    expect(filled.length / pages.length).toBeGreaterThan(0.7);
    for (const wanted of ["a rare word, descending time", "everything, ascending part:agreement"]) {
      expect(names).toContain(wanted);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("measures a long run, whose state is as small as a short one's", async () => {
  const folder = await mkdtemp(join(tmpdir(), "long-"));
  try {
    const [short, long] = [
      await longRun(join(folder, "a"), { items: 80, steps: 50, repeats: 2 }),
      await longRun(join(folder, "b"), { items: 480, steps: 300, repeats: 2 }),
    ];
    expect(long.items?.value).toBe(480);
    for (const { value } of Object.values(long)) expect(value).toBeGreaterThan(0);
    const grown = (long.state_bytes?.value ?? 0) - (short.state_bytes?.value ?? 0);
    expect(Math.abs(grown)).toBeLessThan(100);
    expect(long.replay_bytes?.value).toBeGreaterThan(1e5);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);
