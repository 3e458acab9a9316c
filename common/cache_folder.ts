import { homedir } from "node:os";
import { join } from "node:path";

/** Where what can be made again is kept for all runs; it may be deleted at any time while nothing runs. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return process.env.VISPLAY_CACHE ?? join(base, "visplay");
}
