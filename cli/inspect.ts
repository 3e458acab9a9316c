import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { replaceInParts } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";
import { isLoopback } from "../inspector/access.ts";
import { writeOffline } from "../inspector/offline.ts";
import { findRuns } from "../inspector/runs.ts";
import { openInspector } from "../inspector/server.ts";
import type { EpisodeQuery } from "../replay/query.ts";
import { addFilters } from "./episode_filters.ts";
import { bytes, count, plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { surroundings } from "./surroundings.ts";
import { print, say } from "./terminal.ts";

interface InspectFlags {
  readonly port: string;
  readonly host: string;
  readonly token?: string;
  readonly open: boolean;
  readonly html?: string;
  readonly limit: string;
}

/** Adds `visplay inspect`: a page on what runs have recorded. */
export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .argument("<runs...>", "folders of runs, or a folder that holds some")
    .description("look at what runs have recorded, in the browser; also while they go on")
    .option("--port <n>", "port to listen on; 0 takes a free one", "0")
    .option(
      "--host <host>",
      "where to listen; others than this machine reach it only with --token",
      "127.0.0.1",
    )
    .option("--token <token>", "what visitors must know")
    .option("--no-open", "open no browser")
    .option(
      "--html <file>",
      "write one file that opens without a server: figures, and the episodes that are selected",
    )
    .option("--limit <megabytes>", "with --html: how large it may become", "50");
  const query = addFilters(command);
  command.action((folders: readonly string[], flags: InspectFlags) =>
    flags.html === undefined ? serve(folders, flags) : writeFile(folders, flags.html, flags.limit, query()),
  );
}

async function writeFile(
  folders: readonly string[],
  path: string,
  limit: string,
  query: EpisodeQuery,
): Promise<void> {
  const runs = [...findRuns(folders).values()];
  const [folder] = runs;
  if (folder === undefined || runs.length > 1) {
    throw new VisplayError("usage", `--html: found ${runs.length} runs, expected one`);
  }
  if (!existsSync(dirname(path))) {
    throw new VisplayError(
      "usage",
      `--html ${path}: found no folder ${dirname(path)}, expected one to write into`,
    );
  }
  const options = { query, mostBytes: megabytes(limit) * 2 ** 20, surroundings: surroundings() };
  const file = await showing((progress, signal) =>
    replaceInParts(path, (write) => writeOffline(folder, { ...options, progress, signal }, write)),
  );
  const left = file.of - file.episodes;
  const full = left > 0 ? `; ${count(left)} more had no room, see --limit and the filters` : "";
  const note = file.of === 0 ? "; no episode matches" : full;
  print(`${path}: ${bytes(file.bytes)}, ${plural(file.episodes, "episode")}${note}`);
}

/** Shows how far it is; the first signal aborts. */
async function showing<T>(
  work: (progress: (episodes: number, total: number) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  let done = "reading the run";
  using interrupt = interruptible();
  using _line = new LiveLine(() => done);
  return await work((episodes, total) => {
    done = `${count(episodes)} of ${plural(total, "episode")}`;
  }, interrupt.signal);
}

function megabytes(text: string): number {
  const limit = Number(text);
  if (Number.isFinite(limit) && limit > 0) return limit;
  throw new VisplayError("usage", `--limit: found ${text}, expected a number of megabytes above 0`);
}

async function serve(folders: readonly string[], { port, host, token, open }: InspectFlags): Promise<void> {
  findRuns(folders);
  if (!isLoopback(host) && !token) {
    const found = `--host ${host} lets other machines in`;
    throw new VisplayError("usage", `${found}; say with --token what visitors must know`);
  }
  using interrupt = interruptible();
  await using inspector = await openInspector({
    folders,
    host,
    port: portNumber(port),
    token: token ?? null,
    surroundings: surroundings(),
  });
  print(inspector.address);
  if (!isLoopback(host)) say("whoever knows this address can look at these runs");
  if (open) openBrowser(inspector.address);
  await new Promise<void>((resolve) => interrupt.signal.addEventListener("abort", () => resolve()));
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new VisplayError("usage", `--port: found ${text}, expected a whole number from 0 to 65535`);
}

/** Asks the desktop for its browser; where there is none, the address that was printed has to do. */
function openBrowser(address: string): void {
  const commands: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: "open", win32: "explorer" };
  const browser = spawn(commands[process.platform] ?? "xdg-open", [address], {
    stdio: "ignore",
    detached: true,
  });
  browser.on("error", () => {});
  browser.unref();
}
