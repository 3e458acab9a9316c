import * as z from "zod";
import { enhance, rotate } from "../../images/edit.ts";
import { resample } from "../../images/resample.ts";
import { box, partAt, picture, pictureAt } from "./places.ts";
import { defineTool, type Tool } from "./tool.ts";

/** Most pixels of a side of what is enlarged. */
const longestSide = 1024;

const cropArguments = z.strictObject({ image: picture, box });

/** A part of a picture, as large as the picture. */
export const zoom: Tool = defineTool({
  name: "zoom",
  description: "shows a part of a picture enlarged",
  arguments: cropArguments,
  isPure: true,
  async run(given, context) {
    const { whole, image: part } = partAt(context, given);
    const longest = Math.min(longestSide, Math.max(whole.width, whole.height));
    const scale = longest / Math.max(part.width, part.height);
    const size = (side: number): number => Math.max(1, Math.round(side * scale));
    return [resample(part, size(part.width), size(part.height), "bicubic")];
  },
});

/** A part of a picture, pixel by pixel. */
export const cropTool: Tool = defineTool({
  name: "crop",
  description: "cuts out a part of a picture",
  arguments: cropArguments,
  isPure: true,
  run: async (given, context) => [partAt(context, given).image],
});

const rotateArguments = z.strictObject({
  image: picture,
  degrees: z.number().min(-360).max(360).describe("clockwise"),
});

export const rotateTool: Tool = defineTool({
  name: "rotate",
  description: "turns a picture",
  arguments: rotateArguments,
  isPure: true,
  run: async ({ image, degrees }, context) => [await rotate(pictureAt(context, image), degrees)],
});

const factor = z.number().min(0.1).max(10).default(1);
const enhanceArguments = z.strictObject({
  image: picture,
  contrast: factor.describe("1 leaves it as it is"),
  brightness: factor.describe("1 leaves it as it is"),
  sharpen: z.boolean().default(false),
});

export const enhanceTool: Tool = defineTool({
  name: "enhance",
  description: "shows a picture with more or less contrast and brightness, or sharper",
  arguments: enhanceArguments,
  isPure: true,
  run: async ({ image, ...change }, context) => [await enhance(pictureAt(context, image), change)],
});
