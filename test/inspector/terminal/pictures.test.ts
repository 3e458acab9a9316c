import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { decodeImage } from "../../../images/decode.ts";
import { encodePng } from "../../../images/encode.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";
import { blocksPicture, paletteIndex } from "../../../inspector/terminal/blocks.ts";
import { itermPicture } from "../../../inspector/terminal/iterm.ts";
import { kittyPicture } from "../../../inspector/terminal/kitty.ts";
import { quantise } from "../../../inspector/terminal/palette.ts";
import { pictureText } from "../../../inspector/terminal/picture.ts";
import { type PictureForm, pictureFormOf } from "../../../inspector/terminal/picture_form.ts";
import { sixelPicture } from "../../../inspector/terminal/sixel.ts";
import { decodeSixels } from "./sixels.ts";

function noise(width: number, height: number, colours = 256): RgbImage {
  const stream = new RandomStream(7);
  const channel = () => Math.floor(stream.integer(colours) * (255 / (colours - 1)));
  return imageOf(width, height, Uint8Array.from({ length: width * height * 3 }, channel));
}

/** Control characters as pictures of them. */
const shown = (text: string) => text.replaceAll("\u001b", "␛").replaceAll("\u0007", "␇");

const pixelsOf = ({ data }: RgbImage) =>
  Array.from({ length: data.length / 3 }, (_, i) => [...data.subarray(3 * i, 3 * i + 3)]);

test("Kitty is sent a PNG in chunks of which only the last says that it is the last", async () => {
  const image = noise(80, 60);
  const text = shown(kittyPicture(await encodePng(image), { width: 20, height: 8 }));
  const chunks = [...text.matchAll(/␛_G([^;]*);([^␛]*)␛\\/g)];
  expect(chunks.map(([whole]) => whole).join("")).toBe(text);
  expect(chunks.length).toBeGreaterThan(2);
  expect(chunks.map(([, keys]) => keys)).toEqual([
    "a=T,f=100,q=2,c=20,r=8,m=1",
    ...new Array(chunks.length - 2).fill("m=1"),
    "m=0",
  ]);
  for (const [, , data = ""] of chunks.slice(0, -1)) expect(data.length).toBe(4096);
  const png = Buffer.from(chunks.map(([, , data]) => data).join(""), "base64");
  expect((await decodeImage(png, null)).id).toBe(image.id);
});

test("iTerm2 is sent a file with its size, over so many cells", async () => {
  const png = await encodePng(noise(9, 5));
  const [, keys, data = ""] = /^␛\]1337;File=([^:]*):(.*)␇$/.exec(
    shown(itermPicture(png, { width: 9, height: 3 })),
  ) as RegExpExecArray;
  expect(keys).toBe(`inline=1;size=${png.length};width=9;height=3;preserveAspectRatio=1`);
  expect(Buffer.from(data, "base64").equals(png)).toBe(true);
});

test.each([
  [13, 20, 5],
  [1, 1, 2],
  [40, 6, 3],
])(
  "sixels of a %i x %i picture with few colours are that picture, to the percent",
  (width, height, levels) => {
    const image = noise(width, height, levels);
    const percents = pixelsOf(image).map((pixel) => pixel.map((value) => Math.round((value * 100) / 255)));
    expect(decodeSixels(sixelPicture(image))).toEqual({ width, height, pixels: percents });
  },
);

test("sixels of a picture with many colours are near it in 256, each pixel drawn once", () => {
  const image = noise(64, 64);
  const { pixels } = decodeSixels(sixelPicture(image));
  expect(new Set(pixels.map(String)).size).toBeLessThanOrEqual(256);
  const errors = pixelsOf(image).map((pixel, i) =>
    Math.max(...pixel.map((value, c) => Math.abs(value / 2.55 - (pixels[i]?.[c] ?? Number.NaN)))),
  );
  expect(Math.max(...errors)).toBeLessThan(25);
});

test("median cut gives the commonest colours their own place", () => {
  const data = new Uint8Array(3 * 100).fill(10);
  data.set([250, 0, 0, 240, 0, 0, 0, 0, 250]);
  const { colours, indices } = quantise(imageOf(100, 1, data), 3);
  expect(colours).toHaveLength(3);
  expect([0, 1, 2, 3, 99].map((i) => colours[indices[i] as number])).toEqual([
    [245, 0, 0],
    [245, 0, 0],
    [0, 0, 250],
    [10, 10, 10],
    [10, 10, 10],
  ]);
});

test("half blocks show two rows in a line, the upper one in front", () => {
  const image = imageOf(
    2,
    3,
    Uint8Array.from({ length: 18 }, (_, i) => 10 * i),
  );
  expect(blocksPicture(image, "all").replaceAll("\u001b", "^")).toBe(
    "^[38;2;0;10;20;48;2;60;70;80m▀^[38;2;30;40;50;48;2;90;100;110m▀^[0m\n" +
      "^[38;2;120;130;140m▀^[38;2;150;160;170m▀^[0m",
  );
  expect(blocksPicture(imageOf(1, 1, Uint8Array.of(255, 0, 0)), "256")).toBe("\u001b[38;5;196m▀\u001b[0m");
});

test("of 256 colours none is nearer than the one that is taken", () => {
  const levels = [0, 95, 135, 175, 215, 255];
  const cube = levels.flatMap((r) => levels.flatMap((g) => levels.map((b) => [r, g, b])));
  const colours = [...cube, ...Array.from({ length: 24 }, (_, i) => new Array<number>(3).fill(8 + 10 * i))];
  for (const [red, green, blue] of pixelsOf(noise(20, 20)) as [number, number, number][]) {
    const distance = ([r, g, b]: readonly number[] = []) =>
      (red - (r as number)) ** 2 + (green - (g as number)) ** 2 + (blue - (b as number)) ** 2;
    expect(distance(colours[paletteIndex(red, green, blue) - 16])).toBe(Math.min(...colours.map(distance)));
  }
});

test.each<[PictureForm, Record<string, string>]>([
  ["kitty", { TERM: "xterm-kitty" }],
  ["kitty", { TERM: "xterm-256color", KITTY_WINDOW_ID: "1" }],
  ["kitty", { TERM: "xterm-ghostty" }],
  ["iterm", { TERM: "xterm-256color", TERM_PROGRAM: "iTerm.app" }],
  ["iterm", { TERM: "xterm-256color", LC_TERMINAL: "iTerm2" }],
  ["iterm", { TERM: "xterm-256color", TERM_PROGRAM: "WezTerm" }],
  ["sixel", { TERM: "foot" }],
  ["sixel", { TERM: "xterm-sixel" }],
  ["blocks", { TERM: "xterm-256color" }],
  ["blocks", { TERM: "xterm", COLORTERM: "truecolor" }],
  ["blocks", { WT_SESSION: "x" }],
  ["blocks", { TERM: "tmux-256color", TMUX: "/tmp/x", KITTY_WINDOW_ID: "1" }],
  ["none", { TERM: "vt100" }],
  ["none", { TERM: "dumb", COLORTERM: "truecolor" }],
  ["none", { TERM: "xterm-kitty", NO_COLOR: "1" }],
  ["none", {}],
])("%s is what %j can show, and a pipe nothing", (form, environment) => {
  expect(pictureFormOf(environment, true)).toBe(form);
  expect(pictureFormOf(environment, false)).toBe("none");
});

test("a picture is scaled to the cells that there are, whatever its shape", async () => {
  const folder = await mkdtemp(join(tmpdir(), "visplay-terminal-"));
  const path = join(folder, "wide.png");
  await writeFile(path, await encodePng(noise(400, 100)));
  const options = { colours: "256", columns: 24 } as const;
  const blocks = await pictureText(path, { ...options, form: "blocks" });
  expect(
    blocks
      .trimEnd()
      .split("\n")
      .map((line) => line.match(/▀/g)?.length),
  ).toEqual([24, 24, 24]);
  const kitty = await pictureText(path, { ...options, form: "kitty" });
  expect(kitty).toContain("c=24,r=3,");
  expect(kitty.endsWith("\u001b\\\n")).toBe(true);
  const iterm = await pictureText(path, { ...options, form: "iterm" });
  expect(iterm).toContain("width=24;height=3;");
  expect(decodeSixels((await pictureText(path, { ...options, form: "sixel" })).trimEnd())).toMatchObject({
    width: 192,
    height: 48,
  });
  expect(await pictureText(path, { ...options, form: "none" })).toBe("");
  await writeFile(path, await encodePng(noise(4, 9, 3)));
  const small = decodeSixels((await pictureText(path, { ...options, form: "sixel" })).trimEnd());
  expect([small.width, small.height]).toEqual([140, 315]);
  expect(small.pixels).not.toContain(null);
  await rm(folder, { recursive: true });
});
