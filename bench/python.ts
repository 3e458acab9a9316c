import { join } from "node:path";
import { outputOf } from "./program.ts";

/**
 * The interpreter of a virtual environment `.venv` in a folder of bench/, with what its requirements.txt pins; made
 * where it is missing or incomplete. Needs Python 3.10 or newer as `python3`.
 */
export async function pythonOf(folder: string): Promise<string> {
  const environment = join(folder, ".venv");
  process.stderr.write(`${environment} …\n`);
  await outputOf("python3", ["-m", "venv", environment]);
  const requirements = join(folder, "requirements.txt");
  await outputOf(join(environment, "bin/pip"), ["install", "--quiet", "-r", requirements]);
  return join(environment, "bin/python");
}
