import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** How a user calls this program: npx finds it where the shell would not, and makes it look as if that would. */
export function programName(environment: NodeJS.ProcessEnv = process.env): string {
  const { PATH = "", npm_command: throughNpm } = environment;
  const isThere = (folder: string) => isExecutable(join(folder, "visplay"));
  return !throughNpm && PATH.split(delimiter).some(isThere) ? "visplay" : "npx visplay";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
