import sharp from "sharp";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import type { KnownQuestions } from "../../environments/question.ts";
import type { RgbImage } from "../../images/image.ts";

/** What a printed page says: a heading, and lines of a thing and its number. */
interface Page {
  readonly heading: string;
  readonly lines: readonly (readonly [thing: string, number: number])[];
}

const headings = [
  "Stock",
  "Orders",
  "Guests by room",
  "Prices in cents",
  "Returned copies",
  "Parts on shelf",
];
const things = [
  "apple",
  "bottle",
  "candle",
  "drawer",
  "engine",
  "feather",
  "guitar",
  "hammer",
  "island",
  "jacket",
];
const fonts = ["sans-serif", "serif", "monospace"];
const size = { width: 640, height: 480 };

/** Questions about printed pages, a few about each: the number that stands beside a thing. */
export function pageQuestions({ pages, perPage, seed }: PageOptions): KnownQuestions {
  const drawn = new Map<number, Promise<RgbImage>>();
  return {
    name: "printed pages",
    length: pages * perPage,
    async at(task) {
      const index = Math.floor(task / perPage);
      const page = pageOf(seed, index);
      const image = drawn.get(index) ?? render(page, seed, index);
      drawn.set(index, image);
      const [thing, number] = page.lines[task % perPage] as Page["lines"][number];
      return {
        name: `page ${index}`,
        images: [await image],
        question: `what number stands beside ${thing} ?`,
        truths: [String(number)],
        chain: null,
        file: null,
      };
    },
  };
}

export interface PageOptions {
  readonly pages: number;
  /** Questions about each, at most as many as a page has lines. */
  readonly perPage: number;
  readonly seed: number;
}

/** Lines of a page. */
export const linesOfPage = 8;

function pageOf(seed: number, index: number): Page {
  const stream = new RandomStream(deriveSeed(seed, "page", index));
  const lines = stream
    .shuffle(things)
    .slice(0, linesOfPage)
    .map((thing) => [thing, 100 + stream.integer(9900)] as const);
  return { heading: stream.pick(headings), lines };
}

/** As a printer has it: black on white, in one of three fonts, a little askew. */
async function render({ heading, lines }: Page, seed: number, index: number): Promise<RgbImage> {
  const stream = new RandomStream(deriveSeed(seed, "print", index));
  const font = stream.pick(fonts);
  const rows = lines.map(
    ([thing, number], i) =>
      `<text x="60" y="${120 + 42 * i}">${thing}</text><text x="420" y="${120 + 42 * i}">${number}</text>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}">
    <rect width="100%" height="100%" fill="white"/>
    <g font-family="${font}" font-size="26" transform="rotate(${stream.between(-1, 1).toFixed(2)})">
    <text x="60" y="64" font-size="34">${heading}</text>${rows.join("")}</g></svg>`;
  const { data, info } = await sharp(Buffer.from(svg))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { id: `page-${seed}-${index}`, width: info.width, height: info.height, data: new Uint8Array(data) };
}
