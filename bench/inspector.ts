/**
 * `npm run bench:inspector`: the inspector of a million episodes in a real browser: how long pages, filters and frames
 * take, what the server and the page weigh, and what following a run costs that run.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { program } from "commander";
import { ReplayReader } from "../replay/reader.ts";
import { REPLAY_NAME } from "../replay/schema.ts";
import { ReplayStore } from "../replay/store.ts";
import { startChromium } from "./browser/chromium.ts";
import { followingMs } from "./browser/followed_replay.ts";
import { followedRun } from "./browser/followed_run.ts";
import { startInspector } from "./browser/inspector_process.ts";
import { changedFilters, flungThrough, openedScreens, pageBytes } from "./browser/visits.ts";
import { type Figures, figuresTable, writeFigures } from "./figures.ts";
import { scratchFolder } from "./models.ts";
import { syntheticSteps } from "./synthetic_episodes.ts";

const visplay = fileURLToPath(new URL("../cli/main.js", import.meta.url));

const { json, episodes, folder, repeats, pairs } = program
  .name("npm run bench:inspector --")
  .description("look at a large replay in a real browser, and at what that costs a run")
  .option("--json <file>", "where to write the figures")
  .option("--episodes <n>", "episodes to fill the replay with", Number, 1_000_000)
  .option("--folder <folder>", "where the replay is filled, and found again the next time")
  .option("--repeats <n>", "visits to each screen, and changes of each filter", Number, 5)
  .option("--pairs <n>", "runs that are followed, and as many that are not; 0 leaves them out", Number, 3)
  .parse()
  .opts<{ json?: string; episodes: number; folder?: string; repeats: number; pairs: number }>();

await using scratch = await scratchFolder();
const run = folder ?? join(scratch.path, "run");
if (!existsSync(join(run, REPLAY_NAME))) await fill(run, episodes);
const figures = { ...(await lookedAt(run)), ...(pairs > 0 && (await followed())) };
console.log(`\n${figuresTable(figures)}`);
if (json) await writeFigures(json, figures);

async function lookedAt(path: string): Promise<Figures> {
  await using inspector = await startInspector(visplay, [path]);
  await using browser = await startChromium();
  process.stderr.write("pages …\n");
  const pages = await openedScreens(browser, inspector.address, repeats);
  process.stderr.write("filters …\n");
  const filters = await changedFilters(browser, inspector.address, repeats);
  process.stderr.write("scrolling …\n");
  const frames = await flungThrough(browser, inspector.address, 100_000);
  process.stderr.write("following …\n");
  const following = await followingMs(visplay, path);
  const memory = await readFile(`/proc/${inspector.pid}/status`, "utf8");
  return {
    page_ms_p95: { value: quantile(pages, 0.95), unit: "ms" },
    page_ms_median: { value: quantile(pages, 0.5), unit: "ms" },
    filter_ms_p95: { value: quantile(filters, 0.95), unit: "ms" },
    filter_ms_median: { value: quantile(filters, 0.5), unit: "ms" },
    scroll_worst_frame_ms: { value: Math.max(...frames), unit: "ms" },
    scroll_frame_ms_median: { value: quantile(frames, 0.5), unit: "ms" },
    server_mb: { value: Number(/^VmRSS:\s+(\d+) kB/m.exec(memory)?.[1]) / 1024, unit: "MB" },
    following_ms_per_step: { value: following, unit: "ms" },
    page_kb: { value: (await pageBytes(inspector.address)) / 1000, unit: "kB" },
    episodes: { value: episodesOf(path), unit: "episodes" },
  };
}

/** Those that the replay holds, which may have been filled another time. */
function episodesOf(path: string): number {
  using reader = ReplayReader.open(path);
  return reader.counts().reduce((sum, each) => sum + each.episodes, 0);
}

async function followed(): Promise<Figures> {
  process.stderr.write("runs, followed and not …\n");
  return { slowdown_of_run: { value: await followedRun(visplay, scratch.path, pairs), unit: "ratio" } };
}

async function fill(path: string, count: number): Promise<void> {
  await using store = await ReplayStore.create(path);
  let done = 0;
  for (const step of syntheticSteps(count)) {
    await store.append(step);
    if (Math.floor((done + step.length) / 50_000) > Math.floor(done / 50_000)) {
      process.stderr.write(`${done + step.length} of ${count} episodes …\n`);
    }
    done += step.length;
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
