import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EpisodeAnswer } from "../../inspector/answers.ts";
import type { RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { ReplayWriter } from "../../replay/writer.ts";

/** A replay of these events in a folder of its own. */
export interface WrittenReplay extends AsyncDisposable {
  readonly folder: string;
  readonly reader: ReplayReader;
  readonly writer: ReplayWriter;
  /** Every episode whole, those that are superseded included, by time. */
  episodes(): EpisodeAnswer[];
}

export async function writeReplay(...batches: readonly (readonly RunEvent[])[]): Promise<WrittenReplay> {
  const folder = await mkdtemp(join(tmpdir(), "visplay-inspected-"));
  const writer = ReplayWriter.create(folder);
  for (const batch of batches) writer.append(batch);
  const reader = ReplayReader.open(folder);
  return {
    folder,
    reader,
    writer,
    episodes: () =>
      [...reader.events(1, { superseded: "include" })].flatMap(({ id, event }) => {
        const [head] = reader.heads([id]);
        return head && event.type.endsWith("Episode") ? [{ head, event, kin: [] } as EpisodeAnswer] : [];
      }),
    [Symbol.asyncDispose]: async () => {
      reader[Symbol.dispose]();
      writer[Symbol.dispose]();
      await rm(folder, { recursive: true });
    },
  };
}
