/**
 * `npm run bench:replay`: a replay of a million episodes: first pages, bytes, and what recording costs a run.
 * `npm run bench:long`: a run of ten million steps on ten million items: its state, and what going on with it costs.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Option, program } from "commander";
import { ReplayReader } from "../replay/reader.ts";
import { REPLAY_NAME } from "../replay/schema.ts";
import { ReplayStore } from "../replay/store.ts";
import { digits, type Figures, figuresTable, table, writeFigures } from "./figures.ts";
import { type FirstPage, firstPages } from "./first_pages.ts";
import { longRun } from "./long_run.ts";
import { scratchFolder } from "./models.ts";
import { recordingOverhead } from "./recording_overhead.ts";
import { syntheticSteps } from "./synthetic_episodes.ts";

/** Queries shown of the slowest. */
const SHOWN = 10;

const { json, episodes, only, items, steps } = program
  .name("npm run bench:replay --")
  .description("fill a replay, look at first pages of it, and measure what recording costs")
  .option("--json <file>", "where to write the figures")
  .addOption(new Option("--only <part>", "what to measure").choices(["pages", "long"]).default("pages"))
  .option("--episodes <n>", "pages: episodes to fill it with", Number, 1_000_000)
  .option("--items <n>", "long: items of the curriculum", Number, 10_000_000)
  .option("--steps <n>", "long: steps (with as many items, 13 GB of disk)", Number, 10_000_000)
  .parse()
  .opts<{ json?: string; only: "pages" | "long"; episodes: number; items: number; steps: number }>();

await using scratch = await scratchFolder();
const figures = await (only === "long" ? longRun(scratch.path, { items, steps }) : pagesOf(scratch.path));
console.log(`\n${figuresTable(figures)}`);
if (json) await writeFigures(json, figures);

async function pagesOf(path: string): Promise<Figures> {
  const folder = join(path, "run");
  const fillMs = await fill(folder, episodes);
  const { size } = await stat(join(folder, REPLAY_NAME));
  const pages = lookAt(folder);
  const slowest = [...pages].sort((a, b) => b.ms - a.ms);
  console.log(`\nthe slowest of ${pages.length} first pages, at ${episodes} episodes`);
  console.log(
    table(slowest.slice(0, SHOWN).map(({ name, ms, episodes: n }) => [name, `${digits(ms)} ms`, `${n}`])),
  );
  process.stderr.write("recording a real run …\n");
  const recording = await recordingOverhead(path);
  return {
    first_page_ms_p95: { value: quantile(pages, 0.95), unit: "ms" },
    first_page_ms_median: { value: quantile(pages, 0.5), unit: "ms" },
    first_page_ms_max: { value: slowest[0]?.ms ?? 0, unit: "ms" },
    first_pages_over_200_ms: {
      value: pages.filter(({ ms }) => ms > 200).length / pages.length,
      unit: "share",
    },
    bytes_per_episode: { value: size / episodes, unit: "bytes" },
    append_ms_per_episode: { value: fillMs / episodes, unit: "ms" },
    recording_overhead: { value: recording.share, unit: "share" },
    recording_ms_per_step: { value: recording.msPerStep, unit: "ms" },
    episodes: { value: episodes, unit: "episodes" },
  };
}

/** Appends step after step, as a run does; gives how long the store took. */
async function fill(path: string, count: number): Promise<number> {
  await using store = await ReplayStore.create(path);
  let ms = 0;
  let done = 0;
  for (const step of syntheticSteps(count)) {
    const startedMs = performance.now();
    await store.append(step);
    ms += performance.now() - startedMs;
    if (Math.floor((done + step.length) / 50_000) > Math.floor(done / 50_000)) {
      process.stderr.write(`${done + step.length} of ${count} episodes …\n`);
    }
    done += step.length;
  }
  return ms;
}

function lookAt(path: string): FirstPage[] {
  process.stderr.write("first pages …\n");
  using reader = ReplayReader.open(path);
  return firstPages(reader);
}

function quantile(measured: readonly FirstPage[], share: number): number {
  const sorted = measured.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
