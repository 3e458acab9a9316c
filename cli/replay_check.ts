import type { Command } from "commander";
import { VisplayError } from "../common/errors.ts";
import { type Inspection, inspect, isWhole, type Tally } from "../replay/check.ts";
import { count, plural } from "./format.ts";
import { LiveLine } from "./live_line.ts";
import { print } from "./terminal.ts";

/** Adds `visplay replay check`: what is damaged in a run's replay, and what can still be read. */
export function addReplayCheck(replay: Command): void {
  replay
    .command("check")
    .argument("<run>", "the run's folder")
    .description("say what is damaged in a run's replay, and what can still be read")
    .action(check);
}

async function check(folder: string): Promise<void> {
  const inspection = await inspectRun(folder);
  print(reportOf(inspection));
  if (isWhole(inspection)) return;
  const events = wholeOf("event", inspection.events);
  const images = wholeOf("image", inspection.images);
  throw new VisplayError(
    "damaged",
    `${folder}: the replay is damaged; ${events} and ${images} can still be read`,
  );
}

/** "199 of 200 events". */
function wholeOf(noun: string, { total, damaged }: Tally): string {
  return `${count(Math.max(0, total - damaged.length))} of ${plural(total, noun)}`;
}

async function inspectRun(folder: string): Promise<Inspection> {
  let done = "checking the database";
  using _line = new LiveLine(() => done);
  return inspect(folder, (events, total) => {
    done = `${count(events)} of ${plural(total, "event")}`;
  });
}

/** Lines shown of each kind. */
const SHOWN = 20;

function reportOf({ database, events, items, images }: Inspection): string {
  return [
    `database: ${database.length > 0 ? "damaged" : "whole"}`,
    ...database.slice(0, SHOWN).map((line) => `  ${line}`),
    ...linesOf("event", events),
    ...(items.total + items.damaged.length > 0 ? linesOf("curriculum item", items) : []),
    ...linesOf("image", images),
  ].join("\n");
}

function linesOf(noun: string, { total, damaged }: Tally): string[] {
  const more = damaged.length - SHOWN;
  return [
    `${plural(total, noun)}: ${damaged.length > 0 ? `${count(damaged.length)} damaged` : "all whole"}`,
    ...damaged.slice(0, SHOWN).map(({ name, reason }) => `  ${name}: ${reason}`),
    ...(more > 0 ? [`  and ${count(more)} more`] : []),
  ];
}
