import * as z from "zod";
import type { RgbImage } from "../../images/image.ts";
import { boxIn, picture, pictureAt } from "./places.ts";
import { defineTool, type Tool } from "./tool.ts";

const channel = z.int().min(0).max(255);
const componentsArguments = z.strictObject({
  image: picture,
  color: z.tuple([channel, channel, channel]).optional().describe("[red, green, blue] of what is counted"),
  tolerance: z.int().min(0).max(255).default(40).describe("by how much each of them may differ"),
  darker_than: channel.optional().describe("without a color: count what is darker than this grey"),
  min_pixels: z.int().min(1).max(1_000_000).default(4).describe("smaller regions are left out"),
});
type Arguments = z.infer<typeof componentsArguments>;

/** A region whose pixels touch along their sides. */
interface Component {
  pixels: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Regions that are told of, the largest first. */
const most = 20;

/** How many connected regions of a colour, or of dark, a picture has, and where. */
export const components: Tool = defineTool({
  name: "components",
  description: "counts connected regions of a colour, or of what is dark, with a box for each",
  arguments: componentsArguments,
  isPure: true,
  async run(given, context) {
    const image = pictureAt(context, given.image);
    const found = regionsOf(image, given)
      .filter(({ pixels }) => pixels >= given.min_pixels)
      .sort((a, b) => b.pixels - a.pixels);
    const corner = { left: 0, top: 0 };
    const boxes = found.slice(0, most).map(({ pixels, left, top, right, bottom }) => ({
      box: boxIn(image, corner, [left, top, right + 1, bottom + 1]),
      pixels,
    }));
    return [JSON.stringify({ count: found.length, largest: boxes })];
  },
});

/** Every region of wanted pixels, by flooding it from its first. */
function regionsOf({ width, height, data }: RgbImage, given: Arguments): Component[] {
  const open = wantedPixels(data, given);
  const regions: Component[] = [];
  const stack: number[] = [];
  for (let first = 0; first < open.length; first++) {
    if (open[first] === 0) continue;
    const region: Component = { pixels: 0, left: width, top: height, right: 0, bottom: 0 };
    open[first] = 0;
    stack.push(first);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const [x, y] = [at % width, Math.floor(at / width)];
      region.pixels++;
      region.left = Math.min(region.left, x);
      region.right = Math.max(region.right, x);
      region.top = Math.min(region.top, y);
      region.bottom = Math.max(region.bottom, y);
      const neighbours = [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width];
      for (const next of neighbours) {
        if (next < 0 || open[next] !== 1) continue;
        open[next] = 0;
        stack.push(next);
      }
    }
    regions.push(region);
  }
  return regions;
}

/** 1 for each pixel that is counted. */
function wantedPixels(data: Uint8Array, { color, tolerance, darker_than = 128 }: Arguments): Uint8Array {
  const isWanted = (at: number): boolean => {
    const [r = 0, g = 0, b = 0] = data.subarray(at, at + 3);
    if (!color) return 0.299 * r + 0.587 * g + 0.114 * b < darker_than;
    return [r, g, b].every((value, i) => Math.abs(value - (color[i] as number)) <= tolerance);
  };
  return Uint8Array.from({ length: data.length / 3 }, (_, pixel) => Number(isWanted(3 * pixel)));
}
