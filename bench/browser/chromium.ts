import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { VisplayError } from "../../common/errors.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** The Chromium of this machine: CHROMIUM_PATH, or one on the PATH. Throws "usage" where there is none. */
export function chromiumPath(): string {
  const given = process.env.CHROMIUM_PATH;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const paths = given ? [given] : folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const found = paths.find((path) => existsSync(path));
  if (found) return found;
  const looked = given ? `CHROMIUM_PATH names ${given}, which is not there` : "found no Chromium on the PATH";
  throw new VisplayError(
    "usage",
    `${looked}; install one (Debian: apt-get install chromium), or say in CHROMIUM_PATH where it is`,
  );
}

/** Starts it, without a window. Chromium refuses root its sandbox. */
export function startChromium(): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: chromiumPath(), args });
}
