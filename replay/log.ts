import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { diskError } from "./disk.ts";
import { REPLAY_VERSION, type RunEvent } from "./events.ts";

/** Where a run's events go. What `append` resolved for survives the end of the process. */
export interface EventLog {
  /** Number of events appended so far. */
  readonly position: number;
  /** All of the events or, if it rejects, none of them. */
  append(events: readonly RunEvent[]): Promise<void>;
}

/** The log's name in the folder of a run. */
export const LOG_NAME = "replay.jsonl";

/** Bytes after which lines are written, so that a large step does not block the thread while it is put into text. */
const WRITE_BYTES = 1 << 18;

/** What a log needs of a file. */
export interface AppendableFile {
  appendFile(data: Buffer): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** An append-only file of one event per line. */
export class FileLog implements EventLog, AsyncDisposable {
  readonly path: string;
  readonly #file: AppendableFile;
  #length: number;
  #written: Promise<void> = Promise.resolve();

  /** Goes on at the end of a file that is open for appending; `length` is its size in bytes. */
  constructor(path: string, file: AppendableFile, length: number) {
    this.path = path;
    this.#file = file;
    this.#length = length;
  }

  /** Starts the log of a new run. Throws "run" where the folder already holds one, "disk" where it cannot write. */
  static async create(folder: string): Promise<FileLog> {
    const path = join(folder, LOG_NAME);
    try {
      await mkdir(folder, { recursive: true });
      return new FileLog(path, await open(path, "ax"), 0);
    } catch (cause) {
      const { code, syscall } = cause as NodeJS.ErrnoException;
      if (code === "EEXIST" && syscall === "open") {
        throw new VisplayError("run", `${folder} already holds a run; choose another folder with --out`, {
          cause,
        });
      }
      throw diskError(path, cause);
    }
  }

  append(events: readonly RunEvent[]): Promise<void> {
    const written = this.#written.then(() => this.#write(events));
    this.#written = written.catch(() => {});
    return written;
  }

  async #write(events: readonly RunEvent[]): Promise<void> {
    let end = this.#length;
    try {
      for (const lines of chunksOfLines(events)) {
        await this.#file.appendFile(lines);
        end += lines.length;
      }
    } catch (cause) {
      // What was written of these events is taken back; shrinking a file works on a full disk.
      await this.#file.truncate(this.#length).catch(() => {});
      throw diskError(this.path, cause);
    }
    this.#length = end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function* chunksOfLines(events: readonly RunEvent[]): Generator<Buffer> {
  let text = "";
  for (const event of events) {
    text += `${JSON.stringify(event)}\n`;
    if (text.length < WRITE_BYTES) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}

/**
 * The events of a log, in order. A last line without its end was never confirmed, and is left out.
 * Throws "run" for a file that is not there, a line that is damaged, or a newer version.
 */
export async function* readEvents(path: string): AsyncGenerator<RunEvent> {
  let rest = "";
  let line = 0;
  try {
    for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) yield parseLine(text, `${path}:${++line}`);
    }
  } catch (cause) {
    if (cause instanceof VisplayError) throw cause;
    throw new VisplayError("run", `could not read ${path}: ${(cause as Error).message}`, { cause });
  }
}

function parseLine(text: string, where: string): RunEvent {
  let event: RunEvent;
  try {
    event = JSON.parse(text);
  } catch (cause) {
    throw new VisplayError("run", `${where}: damaged, found ${text.slice(0, 40)}`, { cause });
  }
  if (event?.version !== REPLAY_VERSION) {
    const found = `found version ${event?.version}, expected ${REPLAY_VERSION}`;
    throw new VisplayError("run", `${where}: ${found}; read it with the release that wrote it`);
  }
  return event;
}
