import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { decodeFile } from "../../images/decode.ts";
import { openFolder } from "../../images/folder.ts";
import { readFrames } from "../../images/frames.ts";
import { visplay } from "./visplay.ts";

const gif = "test/cases/pictures/files/animated.gif";
const webp = "test/cases/pictures/files/animated.webp";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-cli-frames-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("animations become a folder of pictures with their times; what is broken is named and left out", async () => {
  const out = join(folder, "frames");
  await writeFile(join(folder, "broken.gif"), "GIF89a");
  const { status, stdout, stderr } = await visplay(
    "frames",
    gif,
    join(folder, "broken.gif"),
    webp,
    "--out",
    out,
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: `${out}: 4 frames of 2 files\n` });
  expect(stderr).toMatch(/^left out: .*broken\.gif: found a damaged gif file/);
  const lines = (await readFile(join(out, "metadata.jsonl"), "utf8")).trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line));
  for (const source of [gif, webp]) {
    const frames = await readFrames(source, source, { count: 8 });
    const written = rows.filter((row) => row.source === source);
    expect(written.map(({ seconds }) => seconds)).toEqual(frames.map(({ seconds }) => seconds));
    for (const [i, { file_name }] of written.entries())
      expect((await decodeFile(join(out, file_name))).data).toEqual(frames[i]?.image.data);
  }
  expect((await openFolder(out)).skipped).toEqual([]);
});

test("a folder that holds something, and files without a frame, are refused", async () => {
  await writeFile(join(folder, "note.txt"), "no picture");
  const out = join(folder, "none");
  expect(await visplay("frames", join(folder, "broken.gif"), "--out", out)).toMatchObject({
    status: exitCodes.images,
    stderr: expect.stringContaining("found no frame in 1 file, expected some"),
  });
  expect(await readdir(folder)).not.toContain("none");
  expect(await visplay("frames", gif, "--out", folder)).toMatchObject({ status: exitCodes.config });
});
