import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ReplayStore } from "../../replay/store.ts";
import { syntheticSteps } from "../synthetic_episodes.ts";
import { startChromium } from "./chromium.ts";
import { startInspector } from "./inspector_process.ts";

/** As a run of the embedded model records them. */
const STEP_MS = 1000;
const STEPS = 30;
/** Until the page has read what there is. */
const SETTLE_MS = 5000;
/** Of Linux, in which /proc counts. */
const TICK_MS = 10;

/**
 * What following a replay costs that is large already: the time that the inspector computes while a page shows a run that
 * goes on, ms for each of its steps.
 */
export async function followingMs(visplay: string, folder: string): Promise<number> {
  await using store = await ReplayStore.open(folder);
  await using inspector = await startInspector(visplay, [folder]);
  await using browser = await startChromium();
  const page = await browser.newPage();
  await page.goto(`${inspector.address}#/${encodeURIComponent(basename(folder))}/run`);
  await page.locator(".facts dd").first().waitFor();
  await sleep(SETTLE_MS);
  const steps = syntheticSteps(Number.POSITIVE_INFINITY);
  const startedMs = computedMs(inspector.pid);
  for (let i = 0; i < STEPS; i++) {
    await store.append(steps.next().value ?? []);
    await sleep(STEP_MS);
  }
  return (computedMs(inspector.pid) - startedMs) / STEPS;
}

/** How long a process has computed so far, in all its threads. */
function computedMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return TICK_MS * (user + system);
}
