import { deriveSeed } from "../../common/random.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";
import { applyPhotometry } from "../../images/photometric.ts";
import { drawSvg } from "../../images/svg.ts";
import {
  carLength,
  carWidth,
  colourAt,
  type LightColour,
  laneWidth,
  lightBehindLine,
  middleOf,
  type Sky,
  type World,
} from "./world.ts";

/** Side of the square picture, pixels. */
export const cameraSize = 64;

/** A pinhole camera behind the windscreen: pixels, and metres above the road. */
const focal = 58;
const horizon = 24;
const height = 1.5;

type Colour = readonly [number, number, number];

interface Look {
  readonly above: Colour;
  readonly ground: Colour;
  readonly road: Colour;
  /** What everything is drawn over with, and how densely. */
  readonly veil: readonly [Colour, number];
  readonly noise: number;
  readonly contrast: number;
}

const day: Look = {
  above: [150, 195, 235],
  ground: [120, 160, 95],
  road: [95, 95, 100],
  veil: [[0, 0, 0], 0],
  noise: 0.01,
  contrast: 1,
};

const looks: Readonly<Record<Sky, Look>> = {
  clear: day,
  rain: {
    ...day,
    above: [120, 130, 140],
    ground: [85, 105, 85],
    road: [70, 72, 80],
    noise: 0.03,
    contrast: 0.85,
  },
  fog: { ...day, above: [205, 208, 210], veil: [[208, 210, 212], 0.45], noise: 0.01 },
  night: {
    ...day,
    above: [12, 14, 34],
    ground: [16, 24, 18],
    road: [30, 30, 36],
    noise: 0.03,
    contrast: 0.8,
  },
  glare: { ...day, above: [255, 246, 214], veil: [[255, 244, 205], 0.25], noise: 0.01 },
};

/** What a camera in the car sees, the same bits for the same world and seed. */
export async function photograph(world: World, seed: number): Promise<RgbImage> {
  const { noise, contrast } = looks[world.sky];
  const drawn = await drawSvg(sceneSvg(world));
  const pixels = applyPhotometry(drawn, { contrast, offset: [0, 0, 0], noise }, deriveSeed(seed, "camera"));
  return imageOf(cameraSize, cameraSize, pixels);
}

function sceneSvg(world: World): string {
  const { sky } = world;
  const { above, ground, road, veil } = looks[sky];
  const shapes = shapesIn(world).sort((a, b) => b.distance - a.distance);
  const size = `width="${cameraSize}" height="${cameraSize}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size}>`,
    `<rect ${size} fill="${css(above)}"/>`,
    `<rect y="${horizon}" ${size} fill="${css(ground)}"/>`,
    roadSvg(world, road),
    ...shapes.map(({ svg }) => svg),
    ...(sky === "glare" ? ['<circle cx="40" cy="14" r="11" fill="#fffbe8"/>'] : []),
    `<rect ${size} fill="${css(veil[0])}" opacity="${veil[1]}"/>`,
    "</svg>",
  ].join("");
}

/** A point of the road's world as the camera sees it: pixels, and pixels per metre there. */
function project({ ego }: World, x: number, y: number, above: number) {
  const [along, aside] = [x - ego.x, y - ego.y];
  const distance = along * Math.cos(ego.heading) + aside * Math.sin(ego.heading);
  const left = aside * Math.cos(ego.heading) - along * Math.sin(ego.heading);
  const scale = focal / Math.max(1.2, distance);
  return { px: cameraSize / 2 - scale * left, py: horizon + scale * (height - above), scale, distance };
}

function roadSvg(world: World, road: Colour): string {
  const [right, left] = [-laneWidth / 2, middleOf(world.lanes.length - 1) + laneWidth / 2];
  const far = world.ego.x + 150;
  const near = world.ego.x + 1.5;
  const strip = (from: number, to: number, start: number, end: number, fill: string): string => {
    const corners = [
      [start, from],
      [end, from],
      [end, to],
      [start, to],
    ].map(([x, y]) => {
      const { px, py } = project(world, x as number, y as number, 0);
      return `${px.toFixed(1)},${py.toFixed(1)}`;
    });
    return `<polygon points="${corners.join(" ")}" fill="${fill}"/>`;
  };
  const lines = world.lanes.slice(1).map((_, i) => {
    const y = middleOf(i) + laneWidth / 2;
    return strip(y - 0.12, y + 0.12, near, far, "#cfcfcf");
  });
  const stops = world.lights
    .filter(({ x }) => x > near && x < far)
    .map(({ x }) => strip(right, left, x, x + 1, "#f4f4f4"));
  return [strip(right, left, near, far, css(road)), ...lines, ...stops].join("");
}

interface Shape {
  readonly distance: number;
  readonly svg: string;
}

function shapesIn(world: World): Shape[] {
  const { cars, walkers, lights, standing, time, sky } = world;
  const box = (x: number, y: number, wide: number, high: number, fill: string, extra = ""): Shape[] => {
    const { px, py, scale, distance } = project(world, x, y, 0);
    if (distance < 1.5 || distance > 90) return [];
    const [w, h] = [wide * scale, high * scale];
    const at = `x="${(px - w / 2).toFixed(2)}" y="${(py - h).toFixed(2)}"`;
    const svg = `<rect ${at} width="${w.toFixed(2)}" height="${h.toFixed(2)}" fill="${fill}"/>`;
    return [{ distance, svg: svg + extra }];
  };
  const dark = sky === "night";
  const car = (x: number, y: number, fill: string): Shape[] => {
    const back = x - carLength / 2;
    const lamps = [-0.6, 0.6].flatMap((aside) => box(back - 0.01, y + aside, 0.4, 0.7, "#e01818"));
    return [...box(back, y, carWidth, 1.5, fill), ...lamps];
  };
  return [
    ...cars.flatMap(({ x, y }) => car(x, y, dark ? "#2c3f78" : "#2a55c8")),
    ...standing.flatMap(({ x, y, kind }) =>
      kind === "parked"
        ? car(x, y, dark ? "#55555c" : "#d8d8de")
        : [...box(x - 1, y, 2.6, 1.1, "#ff8a00"), ...box(x - 1.01, y, 2.6, 0.35, "#1c1c1c")],
    ),
    ...walkers.flatMap(({ x, y }) => [
      ...box(x, y, 0.9, 1.9, dark ? "#8a2f86" : "#d13ccb"),
      ...box(x - 0.01, y, 0.6, 0.5, dark ? "#2a2a44" : "#20204a"),
    ]),
    ...lights.flatMap((light) => lightShapes(world, light, colourAt(light, time))),
  ];
}

const paints: Readonly<Record<LightColour, string>> = { green: "#18e070", yellow: "#ffd21a", red: "#ff2020" };

/** Lights hang over the road; one that is for others hangs beside it, smaller. */
function lightShapes(world: World, { x, other }: World["lights"][number], colour: LightColour): Shape[] {
  const disc = (y: number, above: number, radius: number, shown: LightColour): Shape[] => {
    const { px, py, scale, distance } = project(world, x + lightBehindLine, y, above);
    if (distance < 4 || distance > 90) return [];
    const r = (radius * scale).toFixed(2);
    const at = `cx="${px.toFixed(2)}" cy="${py.toFixed(2)}"`;
    const board = `<circle ${at} r="${(1.35 * radius * scale).toFixed(2)}" fill="#101010"/>`;
    return [{ distance, svg: `${board}<circle ${at} r="${r}" fill="${paints[shown]}"/>` }];
  };
  const middle = middleOf(world.ego.lane);
  const beside = middleOf(world.lanes.length - 1) + laneWidth / 2 + 2.5;
  return [...disc(middle, 5.4, 1.25, colour), ...(other ? disc(beside, 3.4, 0.8, other) : [])];
}

function css(colour: Colour): string {
  return `rgb(${colour.join()})`;
}
