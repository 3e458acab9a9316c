import * as z from "zod";
import { drawOver } from "../../images/edit.ts";
import type { Size } from "../../images/image.ts";
import { box, picture, pictureAt, pixelAt, point, regionOf } from "./places.ts";
import { defineTool, type Tool } from "./tool.ts";

const label = z.string().max(40).optional();
const color = z.enum(["red", "lime", "blue", "yellow", "cyan", "magenta", "white", "black"]).default("red");
const mark = z.union([
  z.strictObject({ box, label, color }),
  z.strictObject({ point, label, color }),
  z.strictObject({ line: z.tuple([point, point]), label, color }),
]);
type Mark = z.infer<typeof mark>;

const annotateArguments = z.strictObject({ image: picture, marks: z.array(mark).min(1).max(50) });

/** A picture with boxes, points and lines on it, each with its label. */
export const annotate: Tool = defineTool({
  name: "annotate",
  description: "draws boxes, points and lines with labels on a picture",
  arguments: annotateArguments,
  isPure: true,
  async run({ image, marks }, context) {
    const shown = pictureAt(context, image);
    const { width, height } = shown;
    const svg = marks.map((each) => svgOf(each, shown)).join("");
    return [
      await drawOver(
        shown,
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${svg}</svg>`,
      ),
    ];
  },
});

function svgOf(given: Mark, size: Size): string {
  const stroke = Math.max(1, Math.round(Math.max(size.width, size.height) / 200));
  const { form, at } = formOf(given, size, stroke);
  const { label: text, color: paint } = given;
  const line = `fill="none" stroke="${paint}" stroke-width="${stroke}"`;
  const letters = `font-family="sans-serif" font-size="${8 * stroke}" fill="${paint}"`;
  const [x, y] = at;
  const named = text
    ? `<text x="${x}" y="${Math.max(8 * stroke, y - stroke)}" ${letters}>${markup(text)}</text>`
    : "";
  return `<g ${line}>${form}</g>${named}`;
}

function formOf(
  given: Mark,
  size: Size,
  stroke: number,
): { readonly form: string; readonly at: readonly [number, number] } {
  if ("box" in given) {
    const { left, top, width, height } = regionOf(size, given.box);
    return { form: `<rect x="${left}" y="${top}" width="${width}" height="${height}"/>`, at: [left, top] };
  }
  if ("point" in given) {
    const [x, y] = pixelAt(size, given.point);
    return { form: `<circle cx="${x}" cy="${y}" r="${3 * stroke}"/>`, at: [x + 4 * stroke, y] };
  }
  const [[x1, y1], [x2, y2]] = given.line.map((end) => pixelAt(size, end)) as [
    [number, number],
    [number, number],
  ];
  return { form: `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`, at: [x1, y1] };
}

function markup(text: string): string {
  return text.replace(/[&<>"']|[^\P{C}\n]/gu, (found) =>
    /[&<>"']/.test(found) ? `&#${found.charCodeAt(0)};` : "",
  );
}
