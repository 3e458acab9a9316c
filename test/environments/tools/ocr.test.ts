import sharp from "sharp";
import { expect, test } from "vitest";
import { textChecker } from "../../../environments/checkers/text_reader.ts";
import { openOcr } from "../../../environments/tools/ocr/ocr.ts";
import { closeTools } from "../../../environments/tools/tool.ts";
import { ToolRunner } from "../../../environments/tools/tool_runner.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";

/** A page with lines of printed text, the first 60 pixels from the top and then every 60. */
async function page(size: number, letters: number, ...lines: readonly string[]): Promise<RgbImage> {
  const texts = lines.map((line, i) => `<text x="20" y="${60 * (i + 1)}">${line}</text>`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="100%" height="100%" fill="white"/><g font-family="sans-serif" font-size="${letters}">${texts.join("")}</g></svg>`;
  const data = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
  return imageOf(size, size, Uint8Array.from(data));
}

const setting = "stages.0.tools.use.0.ocr";

test("printed text is read with the boxes of its lines, also where its letters are small", async () => {
  const tool = await openOcr("eng", { setting, timeLimitMs: 60_000 });
  try {
    const runner = new ToolRunner([tool], { timeLimitMs: 1, maxText: 10_000, maxPixels: 1_000_000 });
    const read = async (image: RgbImage, given: object) => {
      const context = { images: [image], before: [], seed: 0, signal: new AbortController().signal };
      const { parts, fault } = await runner.answer({ name: "ocr", arguments: given }, context);
      expect(fault, String(parts[0])).toBe(null);
      return JSON.parse(parts[0] as string).lines as {
        text: string;
        box: [number, number, number, number];
      }[];
    };
    for (const [size, letters] of [
      [256, 9],
      [256, 14],
      [900, 30],
    ] as const) {
      const image = await page(size, letters, "Total: 47.20 EUR", "Invoice No. 8153");
      const lines = await read(image, {});
      expect(lines.map(({ text }) => text)).toEqual(["Total: 47.20 EUR", "Invoice No. 8153"]);
      for (const [i, { box }] of lines.entries()) {
        const [left, , , bottom] = box.map((at) => (at * size) / 1000) as [number, number, number, number];
        expect(Math.abs(left - 20)).toBeLessThan(5);
        expect(Math.abs(bottom - 60 * (i + 1))).toBeLessThan(letters / 2);
      }
      const [second] = await read(image, { box: [0, (1000 * 75) / size, 1000, (1000 * 140) / size] });
      expect(second?.text).toBe("Invoice No. 8153");
      for (const [i, at] of second?.box.entries() ?? [])
        expect(Math.abs(at - (lines[1]?.box[i] as number))).toBeLessThan(12);
    }
    expect(await read(await page(200, 20), {})).toEqual([]);
    const image = await page(900, 30, "Total: 47.20 EUR");
    const claims = ['It says "total: 47.20".', 'It says "total: 48.20".', "A bill."].map((claim) => ({
      ...{ image, question: "?", claim },
    }));
    // Three words, of which one was misread.
    expect(await textChecker(tool).check(claims)).toEqual([1, 2 / 3, null]);
  } finally {
    await closeTools([tool]);
  }
}, 120_000);

test("a call that takes too long is ended", async () => {
  const tool = await openOcr("eng", { setting, timeLimitMs: 40 });
  try {
    const image = await page(
      1000,
      12,
      ...Array.from({ length: 15 }, (_, i) => `${i} words and words `.repeat(8)),
    );
    const context = { images: [image], before: [], seed: 0, signal: new AbortController().signal };
    await expect(tool.run({ image: 1, box: [0, 0, 1000, 1000] }, context)).rejects.toMatchObject({
      kind: "timedOut",
    });
  } finally {
    await closeTools([tool]);
  }
}, 120_000);

test("a language that is not installed is refused with how to add it", async () => {
  await expect(openOcr("xyz", { setting, timeLimitMs: 1000 })).rejects.toMatchObject({
    code: "config",
    message: `${setting} needs the package @tesseract.js-data/xyz, which is not installed; add it: npm install @tesseract.js-data/xyz`,
  });
});
