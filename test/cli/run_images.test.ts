import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bindList, firstList, pinImages } from "../../cli/run_images.ts";
import { openFolder } from "../../images/folder.ts";
import type { PinnedImage } from "../../replay/pins.ts";

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "visplay-run-images-"));
  for (const [i, name] of ["a.png", "b.png", "c.png"].entries()) await put(name, i);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Files of one size, whatever they show. */
async function put(name: string, grey: number): Promise<void> {
  const picture = sharp(Buffer.alloc(48 * 48 * 3, 50 + grey), {
    raw: { width: 48, height: 48, channels: 3 },
  });
  writeFileSync(join(folder, name), await picture.png({ compressionLevel: 0 }).toBuffer());
}

/** The list of a run that has seen all its images. */
async function began(): Promise<PinnedImage[]> {
  const source = await openFolder(folder);
  const list = pinImages(firstList(source));
  return Promise.all(list.map(async (image, i) => ({ ...image, content: (await source.load(i)).file.id })));
}

async function goOn(had: readonly PinnedImage[], allow = false, where = folder) {
  const said: string[] = [];
  const opening = {
    say: (line: string) => said.push(line),
    show: () => {},
    signal: new AbortController().signal,
  };
  const source = await openFolder(where, { preferred: new Set(had.map(({ name }) => name)) });
  const list = await bindList(source, { run: "runs/x", had, allow }, opening);
  const files = list.map(({ file }) => file?.name ?? null);
  return { files, said, had: pinImages(list, had), images: source.select(list) };
}

test("what is as it was is said nothing of", async () => {
  const had = await began();
  expect(await goOn(had)).toMatchObject({ files: ["a.png", "b.png", "c.png"], said: [], had });
});

test("a copy of the folder is the same, for its contents are", async () => {
  const had = await began();
  const copy = join(folder, "copy");
  cpSync(folder, `${folder}-copy`, { recursive: true });
  renameSync(`${folder}-copy`, copy);
  expect(await goOn(had, false, copy)).toMatchObject({ files: ["a.png", "b.png", "c.png"], said: [] });
});

test("a copy of a picture that sorts before it does not take its place", async () => {
  const had = await began();
  cpSync(join(folder, "b.png"), join(folder, "0.png"));
  expect(await goOn(had)).toMatchObject({ files: ["a.png", "b.png", "c.png"], said: [] });
});

test("names that were exchanged are noticed, and bound by content where that is allowed", async () => {
  const had = await began();
  renameSync(join(folder, "a.png"), join(folder, "x"));
  renameSync(join(folder, "b.png"), join(folder, "a.png"));
  renameSync(join(folder, "x"), join(folder, "b.png"));
  await expect(goOn(had)).rejects.toMatchObject({
    code: "images",
    message: expect.stringMatching(
      /^2 images of runs\/x are not .*\n {2}a\.png has changed; what it showed is b\.png now\n {2}b\.png has changed/,
    ),
  });
  const { files, images } = await goOn(had, true);
  expect(files).toEqual(["b.png", "a.png", "c.png"]);
  for (const i of [0, 1, 2]) expect((await images.load(i)).file.id).toBe(had[i]?.content);
});

test("what was left out stays so without being allowed again, and comes back with its content", async () => {
  const had = await began();
  await put("b.png", 7);
  const allowed = await goOn(had, true);
  expect(allowed.files).toEqual(["a.png", null, "c.png", "b.png"]);
  await expect(allowed.images.load(1)).rejects.toMatchObject({ code: "images" });
  const later = await goOn(allowed.had);
  expect(later.files).toEqual(["a.png", null, "c.png", "b.png"]);
  expect(later.said).toEqual(["1 image of the run left out"]);
  rmSync(join(folder, "b.png"));
  await expect(goOn(later.had)).rejects.toMatchObject({
    message: expect.stringContaining("b.png has vanished"),
  });
  await put("b.png", 1);
  expect((await goOn(had)).files).toEqual(["a.png", "b.png", "c.png"]);
});

test("a run of an earlier release takes its images as they are, and that is said", async () => {
  const source = await openFolder(folder);
  const said: string[] = [];
  const opening = {
    say: (line: string) => said.push(line),
    show: () => {},
    signal: new AbortController().signal,
  };
  const list = await bindList(source, { run: "runs/x", had: null, allow: false }, opening);
  expect(list.map(({ name }) => name)).toEqual(["a.png", "b.png", "c.png"]);
  expect(said).toEqual(["runs/x did not record which images it began with; they are taken as they are now"]);
});
