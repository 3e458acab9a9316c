import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decodeImage } from "../../images/decode.ts";
import { encodePng } from "../../images/encode.ts";
import { openFolder } from "../../images/folder.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import type { ImageSource } from "../../images/source.ts";
import type { RunEvent } from "../../replay/events.ts";
import type { ReplayImage } from "../../replay/log.ts";
import { ofType, playIn } from "../fakes/play.ts";
import { MemoryLog, makeWorld } from "../fakes/world.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-image-files-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Keeps the bytes of images, too, as a replay does; notes how often each was handed over. */
class KeepingLog extends MemoryLog {
  readonly files = new Map<string, Uint8Array>();
  readonly given: string[] = [];

  override async append(events: readonly RunEvent[], images: readonly ReplayImage[] = []): Promise<void> {
    for (const image of images) {
      this.given.push(image.id);
      this.files.set(image.id, await image.bytes());
    }
    await super.append(events);
  }
}

/** The pictures of a folder, in memory by now; of three files one is deleted and one overwritten as soon as it was first loaded. */
async function fleetingFolder(count: number): Promise<ImageSource & { readonly originals: Buffer[] }> {
  const scenes = new SceneSource({ domain: "target", count: count + 1, seed: 5 });
  const path = (index: number) => join(folder, `${10 + index}.png`);
  for (let i = 0; i < count; i++) await writeFile(path(i), await encodePng(await scenes.draw(i)));
  const source = await openFolder(folder);
  const originals = await Promise.all(Array.from({ length: count }, (_, i) => readFile(path(i))));
  const pictures = await Promise.all(originals.map((_, i) => source.load(i)));
  for (let i = 0; i < count; i += 3) await rm(path(i));
  for (let i = 1; i < count; i += 3) await writeFile(path(i), await encodePng(await scenes.draw(count)));
  const again = originals.map((_, i) => source.load(i).catch((error: Error) => error));
  const later = await Promise.all(again);
  const seen = new Set<number>();
  return {
    originals,
    length: count,
    name: (index) => source.name(index),
    async load(index) {
      const picture = (seen.has(index) ? later : pictures)[index];
      seen.add(index);
      if (!picture || picture instanceof Error) throw picture;
      return picture;
    },
  };
}

it("a run whose pictures are deleted or overwritten after their first use goes on, and keeps what it saw", async () => {
  const images = await fleetingFolder(12);
  const log = new KeepingLog();
  const world = { ...makeWorld(), images: images as never, log, truth: null };
  const { completed, error } = await playIn(world);
  expect(error).toBeUndefined();
  expect(completed).toBe(true);

  const reasons = new Set(ofType(log.events, "rolloutFailed").map(({ reason }) => reason));
  expect(reasons).toEqual(new Set(["found no such file", "the file has changed since the run first saw it"]));
  const shown = log.events.flatMap((event) => ("prompt" in event ? [event.image] : []));
  expect(shown.length).toBeGreaterThan(0);
  for (const { id, index } of shown) expect(log.files.get(id)).toEqual(images.originals[index]);
  // Handed over once, and not held again.
  expect(log.given.length).toBe(new Set(log.given).size);
  const [first] = log.files.values();
  expect((await decodeImage(first as Uint8Array, null)).width).toBe(64);
});

it("a label is never taught on another picture than the one that it is about", async () => {
  const world = makeWorld();
  const { images, log } = world;
  const learning = () => ofType(log.events, "phaseStarted").some(({ phase }) => phase === "reasoner");
  // As if the list had moved by one between the phases.
  const moved = Object.assign(Object.create(images) as typeof images, {
    load: (index: number) => images.load(learning() && index % 2 === 1 ? index - 1 : index),
  });
  const { completed } = await playIn({ ...world, images: moved });
  expect(completed).toBe(true);
  const taught = ofType(log.events, "reasonerEpisode");
  expect(taught.length).toBeGreaterThan(0);
  for (const { image } of taught) expect(image.id).toBe(`image-${image.index}`);
  const failed = ofType(log.events, "rolloutFailed").filter(({ phase }) => phase === "reasoner");
  expect(failed.length).toBeGreaterThan(0);
  expect(new Set(failed.map(({ reason }) => reason))).toEqual(
    new Set(["it shows another picture than the one that its question was asked about"]),
  );
});
