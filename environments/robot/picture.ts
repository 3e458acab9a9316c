import { deriveSeed, RandomStream } from "../../common/random.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";
import { applyPhotometry } from "../../images/photometric.ts";
import { palette, type Rgb, type Shape } from "../../images/scenes/scene.ts";
import { drawSvg, svgColour } from "../../images/svg.ts";
import { type Table, type Thing, tableCells, thingRadius } from "./table.ts";
import type { World } from "./world.ts";

/** Width and height of a picture, pixels. */
const size = 64;
/** From the camera to the table, in cells; at that distance a cell is as wide as a sixteenth of the picture's area. */
const distance = 12;
const thingHeight = 0.3;

/** A point: to the right of the table's middle, towards the robot, and up; cells. */
type Point = readonly [x: number, y: number, z: number];

/** The picture of a table through its world's camera, and in its light. */
export async function drawPicture(table: Table, turn: number): Promise<RgbImage> {
  const { world, things, seed } = table;
  const stream = new RandomStream(deriveSeed(seed, "look"));
  const cast: Rgb = [0, 1, 2].map(() => stream.between(-world.cast, world.cast)) as unknown as Rgb;
  const drawn = await drawSvg(svgOf(world, things, stream));
  const { noise } = world;
  const pixels = applyPhotometry(
    drawn,
    { contrast: 1, offset: cast, noise },
    deriveSeed(seed, "noise", turn),
  );
  return imageOf(size, size, pixels);
}

function svgOf(world: World, things: readonly Thing[], stream: RandomStream): string {
  const see = cameraOf(world, stream);
  const dim = (rgb: readonly number[]) => svgColour(rgb.map((value) => value * world.light));
  const polygon = (points: readonly Point[], paint: string) =>
    `<polygon points="${points
      .map((point) =>
        see(point)
          .map((value) => value.toFixed(2))
          .join(),
      )
      .join(" ")}" ${paint}/>`;
  // What is farther from the camera is drawn first.
  const sorted = [...things].sort((a, b) => a.y - b.y);
  const lean: readonly [number, number] = [stream.between(-0.15, 0.15), stream.between(-0.15, 0.15)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">`,
    `<rect width="100%" height="100%" fill="${dim([world.table, world.table, world.table])}"/>`,
    ...patternOf(world, stream).map(([points, shade]) =>
      polygon(
        points,
        `fill="${svgColour([shade, shade, shade])}" opacity="${(0.35 * world.texture).toFixed(3)}"`,
      ),
    ),
    ...sorted.map((thing) => polygon(outlineOf(thing, 0, lean), 'fill="black" opacity="0.25"')),
    ...sorted.flatMap((thing) => {
      const paint = palette[thing.color].map((value, c) => value + (thing.paint[c] as number));
      const side = dim(paint.map((value) => 0.7 * value));
      const low = outlineOf(thing, 0);
      const high = outlineOf(thing, thingHeight);
      const walls = low.map((point, i) => {
        const next = (i + 1) % low.length;
        return [point, low[next], high[next], high[i]] as Point[];
      });
      return [...walls.map((wall) => polygon(wall, `fill="${side}"`)), polygon(high, `fill="${dim(paint)}"`)];
    }),
    "</svg>",
  ].join("");
}

/** Where points are in the picture, pixels. */
function cameraOf({ tilt, turn, shift }: World, stream: RandomStream): (point: Point) => [number, number] {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [sinTilt, cosTilt] = [Math.sin(radians(tilt)), Math.cos(radians(tilt))];
  const [sinTurn, cosTurn] = [Math.sin(radians(turn)), Math.cos(radians(turn))];
  const heading = stream.between(0, 2 * Math.PI);
  const [left, up] = [shift * Math.cos(heading), shift * Math.sin(heading)];
  const scale = (size / tableCells) * distance;
  return ([x, y, z]) => {
    const [across, down] = [cosTurn * x - sinTurn * y + left, sinTurn * x + cosTurn * y + up];
    const depth = distance - cosTilt * z - sinTilt * down;
    return [size / 2 + (scale * across) / depth, size / 2 + (scale * (cosTilt * down - sinTilt * z)) / depth];
  };
}

/** Patches of the table, and how bright each is. */
function patternOf({ pattern, texture, table }: World, stream: RandomStream): (readonly [Point[], number])[] {
  if (texture === 0) return [];
  const shade = (value: number) => (table > 0.6 ? table - value : table + value);
  const reach = 3;
  switch (pattern) {
    case "stripes": {
      const width = stream.between(0.2, 0.6);
      const isUpright = stream.uniform() < 0.5;
      const rows = Math.ceil((2 * reach) / (2 * width));
      return Array.from({ length: rows }, (_, i) => {
        const from = 2 * width * i - reach;
        const corners = [from, -reach, from + width, -reach, from + width, reach, from, reach];
        return [quadrangle(isUpright ? corners : swapped(corners)), shade(stream.between(0.3, 0.6))] as const;
      });
    }
    case "blots":
      return Array.from({ length: 14 }, () => {
        const [x, y] = [stream.between(-2.2, 2.2), stream.between(-2.2, 2.2)];
        const [wide, high] = [stream.between(0.1, 0.5), stream.between(0.1, 0.5)];
        const points = round(12).map(([cos, sin]): Point => [x + wide * cos, y + high * sin, 0]);
        return [points, shade(stream.between(0.2, 0.6))] as const;
      });
    case "checks": {
      const side = stream.between(0.35, 0.5);
      const across = Math.ceil((2 * reach) / side);
      return Array.from({ length: across * across }, (_, i) => [i % across, Math.floor(i / across)] as const)
        .filter(([column, row]) => (column + row) % 2 === 0)
        .map(([column, row]) => {
          const [x, y] = [column * side - reach, row * side - reach];
          return [quadrangle([x, y, x + side, y, x + side, y + side, x, y + side]), shade(0.5)] as const;
        });
    }
  }
}

function quadrangle(corners: readonly number[]): Point[] {
  return [0, 2, 4, 6].map((i) => [corners[i] as number, corners[i + 1] as number, 0]);
}

function swapped(corners: readonly number[]): number[] {
  return corners.map((_, i) => corners[i ^ 1] as number);
}

function round(corners: number): (readonly [cos: number, sin: number])[] {
  return Array.from({ length: corners }, (_, i) => {
    const angle = (2 * Math.PI * i) / corners;
    return [Math.cos(angle), Math.sin(angle)] as const;
  });
}

/** Corners of shapes whose half width is 1. */
const outlines: Readonly<Record<Shape, readonly (readonly [number, number])[]>> = {
  circle: round(16).map(([x, y]) => [0.95 * x, 0.95 * y] as const),
  square: [
    [-0.85, -0.85],
    [0.85, -0.85],
    [0.85, 0.85],
    [-0.85, 0.85],
  ],
  triangle: [
    [0, -1.1],
    [1.1, 0.85],
    [-1.1, 0.85],
  ],
  cross: [
    ...([
      [-0.36, -1.1],
      [0.36, -1.1],
      [0.36, -0.36],
      [1.1, -0.36],
      [1.1, 0.36],
      [0.36, 0.36],
    ] as const),
    ...([
      [0.36, 1.1],
      [-0.36, 1.1],
      [-0.36, 0.36],
      [-1.1, 0.36],
      [-1.1, -0.36],
      [-0.36, -0.36],
    ] as const),
  ],
};

function outlineOf(
  { shape, x, y, angle }: Thing,
  height: number,
  [left, up]: readonly [number, number] = [0, 0],
): Point[] {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return outlines[shape].map(([right, down]) => [
    x - tableCells / 2 + left + thingRadius * (cos * right - sin * down),
    y - tableCells / 2 + up + thingRadius * (sin * right + cos * down),
    height,
  ]);
}
