import { mkdir, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { Command } from "commander";
import { diskError } from "../common/disk.ts";
import { isFaultOfPrompt, VisplayError } from "../common/errors.ts";
import { encodePng } from "../images/encode.ts";
import type { Frame } from "../images/frame.ts";
import { readFrames } from "../images/frames.ts";
import { plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { requireNewFolder } from "./new_output.ts";
import { positive } from "./option_values.ts";
import { print } from "./terminal.ts";

interface Flags {
  readonly out: string;
  readonly count: number;
  readonly timeout: number;
}

/** Adds `visplay frames`: videos and animations as a folder of pictures. */
export function addFrames(program: Command): void {
  program
    .command("frames")
    .argument("<files...>", "animated GIF or WebP files, or videos where ffmpeg is installed")
    .description("write evenly spaced frames of videos and animations as a folder of pictures")
    .requiredOption("--out <folder>", "where to write them")
    .option("--count <n>", "frames of each file, at most", positive, 8)
    .option("--timeout <seconds>", "for one file", positive, 60)
    .action((files: readonly string[], flags: Flags) => writeFrames(files, flags));
}

async function writeFrames(files: readonly string[], { out, count, timeout }: Flags): Promise<void> {
  await requireNewFolder(out);
  using interrupt = interruptible();
  let doing = "";
  using line = new LiveLine(() => doing);
  const folder = new FrameFolder(out);
  for (const [i, path] of files.entries()) {
    doing = `${path}: ${i + 1} of ${plural(files.length, "file")}`;
    const options = { count, timeoutMs: 1000 * timeout, signal: interrupt.signal };
    try {
      await folder.add(path, await readFrames(path, path, options));
    } catch (error) {
      if (!isFaultOfPrompt(error)) throw error;
      line.say(`left out: ${error.message}`);
    }
  }
  if (folder.frames === 0)
    throw new VisplayError("images", `found no frame in ${plural(files.length, "file")}, expected some`);
  print(`${out}: ${plural(folder.frames, "frame")} of ${plural(folder.sources, "file")}`);
}

/** Pictures, and metadata.jsonl, which says of each where it comes from and when it is seen there. */
class FrameFolder {
  readonly #folder: string;
  readonly #lines: string[] = [];
  sources = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get frames(): number {
    return this.#lines.length;
  }

  async add(source: string, frames: readonly Frame[]): Promise<void> {
    this.sources++;
    const stem = `${String(this.sources).padStart(4, "0")}-${basename(source, extname(source))}`;
    for (const [i, { image, seconds }] of frames.entries()) {
      const file_name = `${stem}-${String(i + 1).padStart(3, "0")}.png`;
      await this.#write(file_name, await encodePng(image));
      this.#lines.push(JSON.stringify({ file_name, source, seconds }));
    }
    await this.#write("metadata.jsonl", this.#lines.map((row) => `${row}\n`).join(""));
  }

  async #write(name: string, content: string | Uint8Array): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(join(this.#folder, name), content);
    } catch (cause) {
      throw diskError(this.#folder, cause);
    }
  }
}
