import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { ReplayReader } from "../../replay/reader.ts";
import { REPLAY_NAME } from "../../replay/schema.ts";
import { outputOf } from "../program.ts";
import { startChromium } from "./chromium.ts";
import { startInspector } from "./inspector_process.ts";

const settings = [
  "rounds=1",
  "questioner.stepsPerRound=4",
  "curriculum.images=96",
  "reasoner.stepsPerRound=40",
  "evaluation.questions=0",
];

/** More than such a run has events. */
const MOST_STEPS = 10_000;

/** How much longer the steps of a run take while a page follows it: median step time with one, divided by that without. */
export async function followedRun(visplay: string, scratch: string, pairs: number): Promise<number> {
  const times: Record<"alone" | "followed", number[]> = { alone: [], followed: [] };
  await using browser = await startChromium();
  for (let i = 0; i < pairs; i++) {
    for (const how of i % 2 === 0 ? (["alone", "followed"] as const) : (["followed", "alone"] as const)) {
      const out = join(scratch, `${how}-${i}`);
      const ended = outputOf(process.execPath, [
        visplay,
        "train",
        "--out",
        out,
        ...settings.flatMap((setting) => ["--set", setting]),
      ]);
      if (how === "followed") await follow(visplay, browser, out, ended);
      await ended;
      times[how].push(medianStepMs(out));
      process.stderr.write(`  ${how} ${times[how].at(-1)?.toFixed(1)} ms\n`);
    }
  }
  return median(times.followed) / median(times.alone);
}

/** Keeps the page of a run open until it ends. */
async function follow(
  visplay: string,
  browser: Browser,
  out: string,
  ended: Promise<unknown>,
): Promise<void> {
  while (!existsSync(join(out, REPLAY_NAME))) await Promise.race([sleep(100), ended]);
  await using inspector = await startInspector(visplay, [out]);
  await using context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${inspector.address}#/${basename(out)}/episodes`);
  await ended;
}

function medianStepMs(folder: string): number {
  using reader = ReplayReader.open(folder);
  const steps = [...reader.milestones({ steps: MOST_STEPS })].flatMap(({ event }) =>
    event.type === "reasonerStep" ? event.durationMs : [],
  );
  return median(steps);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
