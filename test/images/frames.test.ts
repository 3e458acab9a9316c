import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { defaultLimits } from "../../images/decode.ts";
import { evenlySpaced, type Frame } from "../../images/frame.ts";
import { readFrames } from "../../images/frames.ts";
import { imageOf } from "../../images/image.ts";
import { resample } from "../../images/resample.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-frames-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

describe("evenly spaced frames", () => {
  test.each([
    { starts: [0, 1, 2, 3], end: 4, count: 4, seen: [0, 1, 2, 3] },
    { starts: [0, 1, 2, 3], end: 4, count: 2, seen: [1, 3] },
    { starts: [0, 1, 2, 3], end: 4, count: 1, seen: [2] },
    // Fewer than are wanted: all that there are.
    { starts: [0, 1], end: 2, count: 5, seen: [0, 1] },
    // By their time, not by their number.
    { starts: [0, 1, 2, 3], end: 100, count: 3, seen: [3] },
    { starts: [5, 6], end: 7, count: 1, seen: [1] },
    { starts: [0], end: 0, count: 3, seen: [0] },
  ])("$count of $starts up to $end", ({ starts, end, count, seen }) => {
    expect(evenlySpaced(starts, end, count)).toEqual(seen);
  });
});

const [width, height] = [24, 16];

/** Frame `k` of an animation: a block that moves, over nothing. */
function drawing(k: number): Buffer {
  const pixels = Buffer.alloc(width * height * 4);
  for (let y = 2; y < 10; y++)
    for (let x = 3 * k; x < 3 * k + 6; x++) pixels.set([40 * k, 200 - 30 * k, 90, 255], 4 * (y * width + x));
  return pixels;
}

/** An animation of five frames that are shown for 100, 200, 300, 400 and 500 ms. */
async function animation(format: "gif" | "webp"): Promise<string> {
  const raw = { width, height: 5 * height, channels: 4, pageHeight: height } as const;
  const all = sharp(Buffer.concat([0, 1, 2, 3, 4].map(drawing)), { raw });
  const options = { delay: [100, 200, 300, 400, 500], loop: 0 };
  const path = at(`moving.${format}`);
  writeFileSync(
    path,
    await (format === "gif" ? all.gif(options) : all.webp({ ...options, lossless: true })).toBuffer(),
  );
  return path;
}

describe.each(["gif", "webp"] as const)("an animated %s", async (format) => {
  const path = await animation(format);
  const own = (page: number) =>
    sharp(path, { page }).flatten({ background: "white" }).removeAlpha().raw().toBuffer();

  test("gives its frames, as sharp itself decodes them, with their times", async () => {
    const frames = await readFrames(path, "moving", { count: 15 });
    expect(frames.map(({ seconds }) => seconds)).toEqual([0, 0.1, 0.3, 0.6, 1]);
    for (const [page, { image }] of frames.entries()) {
      expect(image).toEqual(imageOf(width, height, new Uint8Array(await own(page))));
    }
    expect(new Set(frames.map(({ image }) => image.id)).size).toBe(5);
  });

  test("gives some of them by their times", async () => {
    const times = async (count: number) =>
      (await readFrames(path, "moving", { count })).map(({ seconds }) => seconds);
    // In the middle of parts of 0.5 s: at 0.25, 0.75 and 1.25 s.
    expect(await times(3)).toEqual([0.1, 0.6, 1]);
    expect(await times(1)).toEqual([0.6]);
  });

  test("gives them scaled down where that is wanted, as they would be from the whole", async () => {
    const target = { width: 12, height: 8, filter: "lanczos" } as const;
    const whole = await readFrames(path, "moving", { count: 5 });
    const small = await readFrames(path, "moving", { count: 5, shrinkTo: () => target });
    expect(small.map(({ image }) => image.data)).toEqual(
      whole.map(({ image }) => resample(image, 12, 8, "lanczos").data),
    );
  });

  test("is refused where it is damaged, too large, or would be in all", async () => {
    const cut = at(`cut.${format}`);
    const bytes = readFileSync(path);
    writeFileSync(cut, bytes.subarray(0, bytes.length - 60));
    const refused = (file: string, maxPixels = defaultLimits.maxPixels) =>
      expect(readFrames(file, "moving", { count: 15, maxPixels })).rejects;
    await refused(cut).toMatchObject({
      code: "images",
      message: expect.stringMatching(/^moving: found a damaged/),
    });
    await refused(path, 300).toThrow(
      "moving: found 24x16 = 384 pixels, expected at most 300 (images.maxPixels)",
    );
    await refused(path, 1000).toThrow("found 5 frames of 24x16 = 1920 pixels, expected at most 1000 in all");
  });
});

test("times that are too short to be meant are those that browsers show", async () => {
  const raw = { width, height: 2 * height, channels: 4, pageHeight: height } as const;
  const bytes = await sharp(Buffer.concat([drawing(0), drawing(1)]), { raw })
    .gif({ delay: [0, 0] })
    .toBuffer();
  writeFileSync(at("fast.gif"), bytes);
  const frames = await readFrames(at("fast.gif"), "fast", { count: 2 });
  expect(frames.map(({ seconds }) => seconds)).toEqual([0, 0.1]);
});

test("a still picture is one frame; what is neither is said by its kind", async () => {
  await sharp(drawing(1), { raw: { width, height, channels: 4 } })
    .png()
    .toFile(at("still.png"));
  const [frame, another] = await readFrames(at("still.png"), "still", { count: 3 });
  expect(frame).toMatchObject({ seconds: 0, image: { width, height } });
  expect(another).toBeUndefined();
  writeFileSync(at("paper.pdf"), "%PDF-1.7");
  writeFileSync(at("empty.mp4"), "");
  const refused = (name: string) => expect(readFrames(at(name), name, { count: 3 })).rejects;
  await refused("paper.pdf").toThrow("found a PDF document, expected an animated GIF or WebP, or a video");
  await refused("empty.mp4").toThrow("found an empty file");
  await refused("none.mp4").toThrow("none.mp4: found no such file");
});

const hasFfmpeg = ["ffmpeg", "ffprobe"].every((tool) => spawnSync(tool, ["-version"]).status === 0);

const colours = { red: [255, 0, 0], lime: [0, 255, 0], blue: [0, 0, 255], yellow: [255, 255, 0] } as const;

/** A second of each colour at ten frames a second, 64x48. */
function video(name: string, ...options: readonly string[]): string {
  const sources = Object.keys(colours).map((colour, i) => `color=${colour}:s=64x48:d=1:r=10[c${i}]`);
  const inputs = Object.keys(colours).map((_, i) => `[c${i}]`);
  const graph = `${sources.join(";")};${inputs.join("")}concat=n=4`;
  const made = spawnSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", graph, ...options, at(name)]);
  expect(made.stderr.toString()).toBe("");
  return at(name);
}

/** Which colour a frame has everywhere, within what a video's coding changes. */
function colourOf({ image }: Frame): string {
  const near = Object.entries(colours).find(([, rgb]) =>
    image.data.every((value, i) => Math.abs(value - (rgb[i % 3] as number)) <= 6),
  );
  return near?.[0] ?? "none";
}

describe.skipIf(!hasFfmpeg)("a video (needs ffmpeg)", { timeout: 60_000 }, () => {
  test.each([
    ["clip.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p"],
    ["clip.mkv", "-c:v", "mpeg4", "-qscale", "2"],
    ["clip.webm", "-c:v", "libvpx-vp9"],
    ["clip.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p"],
  ])("%s gives the frames in the middle of equal parts with their times", async (name, ...options) => {
    const path = video(name, ...options);
    const frames = await readFrames(path, name, { count: 8 });
    expect(frames.map(({ seconds }) => seconds.toFixed(2))).toEqual(
      [0.2, 0.7, 1.2, 1.7, 2.2, 2.7, 3.2, 3.7].map((seconds) => seconds.toFixed(2)),
    );
    expect(frames.map(({ image }) => [image.width, image.height])).toEqual(frames.map(() => [64, 48]));
    expect(frames.map(colourOf)).toEqual(
      ["red", "lime", "blue", "yellow"].flatMap((colour) => [colour, colour]),
    );
  });

  test("gives the very frames that ffmpeg decodes in one go", async () => {
    const path = at("moving.mp4");
    const source = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=2:r=12"];
    spawnSync("ffmpeg", ["-v", "error", "-y", ...source, "-pix_fmt", "yuv420p", "-g", "9", path]);
    const { stdout } = spawnSync("ffmpeg", [
      ...["-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
    ]);
    const size = 64 * 48 * 3;
    expect(stdout.length).toBe(24 * size);
    const frames = await readFrames(path, "moving", { count: 24 });
    expect(frames.map(({ seconds }) => Math.round(12 * seconds))).toEqual(
      Array.from({ length: 24 }, (_, i) => i),
    );
    for (const [i, { image }] of frames.entries())
      expect(Buffer.compare(image.data, stdout.subarray(i * size, (i + 1) * size)), `frame ${i}`).toBe(0);
  });

  test("a long one gives the same frames, each sought by itself", async () => {
    const path = at("long.mp4");
    const source = ["-f", "lavfi", "-i", "testsrc=s=32x24:d=60:r=20"];
    spawnSync("ffmpeg", ["-v", "error", "-y", ...source, "-pix_fmt", "yuv420p", path]);
    const chosen = ["-vf", "select='not(mod(n-150,300))'", "-vsync", "passthrough"];
    const { stdout } = spawnSync("ffmpeg", [
      ...["-v", "error", "-i", path, ...chosen, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
    ]);
    const frames = await readFrames(path, "long", { count: 4 });
    expect(frames.map(({ seconds }) => seconds)).toEqual([7.5, 22.5, 37.5, 52.5]);
    expect(Buffer.compare(Buffer.concat(frames.map(({ image }) => image.data)), stdout)).toBe(0);
  });

  test("is upright", async () => {
    const path = video("upright.mp4", "-pix_fmt", "yuv420p");
    const turned = at("turned.mp4");
    spawnSync("ffmpeg", [
      "-v",
      "error",
      "-y",
      "-i",
      path,
      "-c",
      "copy",
      "-metadata:s:v",
      "rotate=90",
      turned,
    ]);
    const [frame] = await readFrames(turned, "turned", { count: 1 });
    expect(frame?.image).toMatchObject({ width: 48, height: 64 });
  });

  test("that is damaged, or has no picture, is refused with the cause", async () => {
    const refused = (path: string, options = {}) =>
      expect(readFrames(path, "clip", { count: 4, ...options })).rejects;
    const cut = video("cut.mp4", "-pix_fmt", "yuv420p");
    truncateSync(cut, 1000);
    await refused(cut).toThrow(
      /^clip: found a file that is no video or a damaged one \(moov atom not found\)/,
    );
    const harmed = at("harmed.mp4");
    const source = ["-f", "lavfi", "-i", "testsrc=s=320x240:d=4:r=25"];
    spawnSync("ffmpeg", ["-v", "error", "-y", ...source, "-pix_fmt", "yuv420p", harmed]);
    const bytes = readFileSync(harmed);
    const data = bytes.indexOf("mdat");
    for (let i = 3000; i < 9000; i += 700) bytes[data + i] = 0x5a ^ (bytes[data + i] as number);
    writeFileSync(harmed, bytes);
    await refused(harmed).toThrow(/^clip: found a damaged video \(/);
    writeFileSync(at("text.mp4"), "this is no video");
    await refused(at("text.mp4")).toThrow(/^clip: found a file that is no video or a damaged one/);
    spawnSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "sine=d=1", at("sound.mp4")]);
    await refused(at("sound.mp4")).toThrow("clip: found a file with no video in it");
    const path = video("whole.mp4", "-pix_fmt", "yuv420p");
    await refused(path, { maxPixels: 3000 }).toThrow("found 64x48 = 3072 pixels");
    await refused(path, { maxPixels: 4000 }).toThrow("found 4 frames of 64x48 = 12288 pixels");
    await refused(path, { timeoutMs: 1 }).toThrow("clip: was not read within 0.001 s");
    await refused(path, { signal: AbortSignal.abort(new Error("enough")) }).toThrow("enough");
  });

  test("that only lists other files is not followed", async () => {
    const secret = video("secret.mp4", "-pix_fmt", "yuv420p");
    writeFileSync(
      at("list.mp4"),
      `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n${secret}\n#EXT-X-ENDLIST\n`,
    );
    writeFileSync(at("concat.mp4"), `ffconcat version 1.0\nfile '${secret}'\n`);
    for (const name of ["list.mp4", "concat.mp4"])
      await expect(readFrames(at(name), name, { count: 1 })).rejects.toThrow(/no video or a damaged one/);
  });

  test("without ffmpeg says what to install", async () => {
    const path = video("whole.mp4", "-pix_fmt", "yuv420p");
    const before = process.env.PATH;
    process.env.PATH = folder;
    try {
      await expect(readFrames(path, "clip", { count: 1 })).rejects.toThrow(
        /^clip: found a video, which ffprobe reads, and no ffprobe on the PATH; install it/,
      );
    } finally {
      process.env.PATH = before;
    }
  });
});
