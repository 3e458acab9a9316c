import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Summary } from "../arena/summary.ts";

const visplay = fileURLToPath(new URL("../cli/main.js", import.meta.url));

/**
 * What one run of `visplay train` in a new folder came to, played in a process of its own whose output appears as progress on stderr.
 * Throws where the run fails.
 */
export async function playArena(seed: number, folder: string, settings: readonly string[]): Promise<Summary> {
  const set = settings.flatMap((setting) => ["--set", setting]);
  const child = spawn(process.execPath, [visplay, "train", "--seed", `${seed}`, "--out", folder, ...set], {
    stdio: ["ignore", process.stderr, process.stderr],
  });
  const [code, signal] = await once(child, "exit");
  if (code !== 0) throw new Error(`visplay train ended with ${signal ?? `exit code ${code}`}, see ${folder}`);
  return JSON.parse(await readFile(join(folder, "summary.json"), "utf8"));
}
