import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Play, playOf } from "./learning_report.ts";

const visplay = fileURLToPath(new URL("../cli/main.js", import.meta.url));

/**
 * One run of `visplay train` in a new folder, in a process of its own whose output appears as progress on stderr.
 * Throws where the run fails.
 */
export async function playArena(seed: number, folder: string, settings: readonly string[]): Promise<Play> {
  const set = settings.flatMap((setting) => ["--set", setting]);
  const child = spawn(process.execPath, [visplay, "train", "--seed", `${seed}`, "--out", folder, ...set], {
    stdio: ["ignore", process.stderr, process.stderr],
  });
  const [code, signal] = await once(child, "exit");
  if (code !== 0) throw new Error(`visplay train ended with ${signal ?? `exit code ${code}`}, see ${folder}`);
  return playOf(seed, JSON.parse(await readFile(join(folder, "summary.json"), "utf8")));
}
