import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { isAlive } from "../common/processes.ts";

/** What tells a process from all others; null is what a system does not tell. */
export interface ProcessName {
  readonly host: string;
  /** Names one start of the machine; absent in older locks. */
  readonly boot?: string | null;
  /** Names the processes among which `pid` counts: a container has its own; absent in older locks. */
  readonly namespace?: string | null;
  readonly pid: number;
  /** When the process began, in the system's own count, so that another with its number is told apart. */
  readonly started: string | null;
}

/** The name of this process. */
export async function thisProcess(): Promise<ProcessName> {
  const { boot, namespace } = await here();
  return { host: hostname(), boot, namespace, pid: process.pid, started: await startOf(process.pid) };
}

/** Whether the number of a process of this host means here what it meant there. */
export async function sharesProcesses({ boot = null, namespace = null }: ProcessName): Promise<boolean> {
  const own = await here();
  const mayBeSame = (a: string | null, b: string | null) => a === null || b === null || a === b;
  return mayBeSame(boot, own.boot) && mayBeSame(namespace, own.namespace);
}

/** Whether the process that had a number still has it. */
export async function isSameProcess({ pid, started }: ProcessName): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const now = await startOf(pid);
  return started === null || now === null || started === now;
}

async function here(): Promise<{ readonly boot: string | null; readonly namespace: string | null }> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => null);
  const namespace = await readlink("/proc/self/ns/pid").catch(() => null);
  return { boot: boot?.trim() ?? null, namespace };
}

/**
 * Field 22 of /proc/PID/stat, where there is one; the process's name before it may hold anything. "ended" for one that
 * has, and that its parent has not asked about yet.
 */
async function startOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" || fields?.[0] === "X" ? "ended" : (fields?.[19] ?? null);
}
