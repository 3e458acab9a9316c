import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunEvent } from "../replay/events.ts";
import { ReplayReader } from "../replay/reader.ts";
import { ReplayStore } from "../replay/store.ts";
import { outputOf } from "./program.ts";

const visplay = fileURLToPath(new URL("../cli/main.js", import.meta.url));

/** A third of a default round: steps as large as by default, and in the same proportions. */
const settings = [
  "rounds=1",
  "questioner.stepsPerRound=4",
  "curriculum.images=192",
  "reasoner.stepsPerRound=50",
  "evaluation.questions=0",
];

/**
 * What recording costs: a real run is played, its events are appended once more to a new replay, step by step as
 * the run did, and the time that this takes is divided by the time that the run took.
 */
export async function recordingOverhead(scratch: string): Promise<{ share: number; msPerStep: number }> {
  const folder = join(scratch, "real");
  const set = settings.flatMap((setting) => ["--set", setting]);
  await outputOf(process.execPath, [visplay, "train", "--out", folder, ...set]);
  using reader = ReplayReader.open(folder);
  const events = [...reader.events()].map(({ event }) => event);
  const steps = stepsOf(events);
  const runMs = (events.at(-1)?.atMs ?? 0) - (events[0]?.atMs ?? 0);

  await using store = await ReplayStore.create(join(scratch, "again"));
  const startedMs = performance.now();
  for (const step of steps) await store.append(step);
  const ms = performance.now() - startedMs;
  return { share: ms / runMs, msPerStep: ms / steps.length };
}

/** What was recorded in one go has one time. */
function stepsOf(events: readonly RunEvent[]): RunEvent[][] {
  const steps: RunEvent[][] = [];
  for (const event of events) {
    const last = steps.at(-1);
    if (last?.[0]?.atMs === event.atMs) last.push(event);
    else steps.push([event]);
  }
  return steps;
}
