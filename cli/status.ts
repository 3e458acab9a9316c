import type { Command } from "commander";
import { roundTitles } from "../replay/round_figures.ts";
import { readStatus, type Status } from "../watch/status.ts";
import { duration } from "./format.ts";
import { standingLine } from "./run_line.ts";
import { print } from "./terminal.ts";

/** Adds `visplay status`: how a run is, while it runs and after. */
export function addStatus(program: Command): void {
  program
    .command("status")
    .argument("<run>", "the run's folder")
    .description("say what a run is doing, or how it ended, from its heartbeat")
    .option("--json", "as JSON, with all that is known")
    .action(async (folder: string, { json }: { json?: true }) => {
      const status = await readStatus(folder);
      print(json ? JSON.stringify(status, null, 2) : statusText(status, Date.now()));
    });
}

/** A run's status in a few lines; `nowMs` is the time of day. */
export function statusText(status: Status, nowMs: number): string {
  const { condition, standing, activity, rewards, confidence, questions, lastSave, alarms } = status;
  const { attempt, pid, host, runningMs } = status;
  const ago = (atMs: number) => `${duration(nowMs - atMs)} ago`;
  const figures = [
    ...Object.entries(rewards).flatMap(([role, value]) => figure(`reward of the ${role}`, value)),
    ...figure("confidence", confidence),
  ];
  return [
    headline(status, ago),
    ...(standing ? [standingLine(standing, condition === "running" ? activity : null)] : []),
    ...(figures.length > 0 ? [figures.join(" · ")] : []),
    ...(questions ? [questionsLine(questions)] : []),
    lastSave ? `last checkpoint: ${lastSave.id}, ${ago(lastSave.atMs)}` : "nothing saved yet",
    `attempt ${attempt} · process ${pid} on ${host} · ran ${duration(runningMs)}`,
    ...alarms.map(({ round, phase, message }) => `alarm in round ${round}, ${phase}: ${message}`),
  ].join("\n");
}

function questionsLine({ round, figures }: NonNullable<Status["questions"]>): string {
  const titles = Object.entries(roundTitles);
  const known = titles.flatMap(([figure, title]) => {
    const percent = figures[figure];
    return percent === undefined ? [] : [`${title} ${percent.toFixed(1)}%`];
  });
  return `questions of round ${round}: ${known.join(" · ")}`;
}

function headline(status: Status, ago: (atMs: number) => string): string {
  const { condition, failure, beatAtMs, host, waitsFor } = status;
  switch (condition) {
    case "running":
      return `running${waitsFor ? `, ${waitsFor}` : ""} (last beat ${ago(beatAtMs)})`;
    case "finished":
      return `finished ${ago(beatAtMs)}`;
    case "failed":
      return `failed ${ago(beatAtMs)}: ${failure?.message}`;
    case "stopped":
      return `interrupted ${ago(beatAtMs)}`;
    case "died":
      return `died: its process is gone, and said nothing after ${when(beatAtMs)} (${ago(beatAtMs)})`;
    case "silent":
      return `silent on ${host} since ${when(beatAtMs)} (${ago(beatAtMs)}); look there whether it still runs`;
  }
}

function when(atMs: number): string {
  return new Date(atMs).toISOString().replace("T", " ").slice(0, 19);
}

function figure(name: string, value: number | null): string[] {
  return value === null ? [] : [`${name} ${value.toFixed(2)}`];
}
