import { deriveSeed, type RandomStream } from "../../common/random.ts";

export const colors = ["red", "green", "blue", "yellow", "purple", "orange"] as const;
export const shapes = ["circle", "square", "triangle", "cross"] as const;
export type Color = (typeof colors)[number];
export type Shape = (typeof shapes)[number];

type Quarter = 0 | 1 | 2 | 3;

/** A cell of the 4x4 grid: "p", row, column. In alphabetical order cells are in reading order. */
export type Cell = `p${Quarter}${Quarter}`;

const quarters: readonly Quarter[] = [0, 1, 2, 3];

/** The sixteen cells in reading order. */
export const cells: readonly Cell[] = quarters.flatMap((row) =>
  quarters.map((column) => `p${row}${column}` as const),
);

/** Width and height of a scene, and of one of its cells, in pixels. */
export const sceneSize = 64;
export const cellSize = 16;

/** What one can say about an object. */
export interface Thing {
  readonly cell: Cell;
  readonly color: Color;
  readonly shape: Shape;
}

/** What is where: things in reading order, at most one to a cell. */
export interface Layout {
  readonly objects: readonly Thing[];
}

/** Red, green, blue as shares of full intensity. */
export type Rgb = readonly [number, number, number];

/** A thing and how it is painted; pixels and degrees. */
export interface SceneObject extends Thing {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly rotation: number;
  readonly paint: Rgb;
}

/** A translucent ellipse on the background, `shade` lighter or darker than it; pixels and degrees. */
export interface Blot {
  readonly x: number;
  readonly y: number;
  readonly radii: readonly [number, number];
  readonly rotation: number;
  readonly shade: number;
}

/** All that a picture depends on. */
export interface Scene extends Layout {
  readonly objects: readonly SceneObject[];
  readonly background: Rgb;
  readonly blots: readonly Blot[];
  /** Added to every pixel. */
  readonly cast: Rgb;
  /** Standard deviation of the noise added to every value, as a share of full intensity. */
  readonly noise: number;
  readonly noiseSeed: number;
}

/** How much the scenes of a domain vary: [least, most], or an amplitude on either side of nothing. */
export interface Domain {
  readonly objects: readonly [number, number];
  readonly blots: readonly [number, number];
  /** Radius of an object in pixels. */
  readonly radius: readonly [number, number];
  /** Brightness of the background. */
  readonly background: readonly [number, number];
  /** Distance from the cell's centre along each axis, in pixels. */
  readonly jitter: number;
  readonly rotationDegrees: number;
  /** Variation of an object's paint and of the whole picture, per channel, as shares of full intensity. */
  readonly palette: number;
  readonly cast: number;
  readonly noise: number;
}

export const domainNames = ["source", "target"] as const;
export type DomainName = (typeof domainNames)[number];

/** Source scenes are labelled and clean, target scenes unlabelled and varied. */
export const domains: Record<DomainName, Domain> = {
  source: {
    objects: [1, 6],
    blots: [0, 0],
    radius: [4.6, 6.6],
    background: [0.8, 0.95],
    jitter: 2.5,
    rotationDegrees: 6,
    palette: 0.04,
    cast: 0.02,
    noise: 0.04,
  },
  target: {
    objects: [3, 7],
    blots: [16, 28],
    radius: [4.2, 6.8],
    background: [0.65, 0.95],
    jitter: 3,
    rotationDegrees: 9,
    palette: 0.09,
    cast: 0.1,
    noise: 0.1,
  },
};

/** What each colour is painted around. */
export const palette: Readonly<Record<Color, Rgb>> = {
  red: [0.86, 0.13, 0.13],
  green: [0.13, 0.62, 0.2],
  blue: [0.15, 0.3, 0.85],
  yellow: [0.95, 0.9, 0.18],
  purple: [0.58, 0.2, 0.7],
  orange: [0.96, 0.47, 0.08],
};

/** Draws a scene of a domain: cells, colours and shapes uniformly and independently. */
export function drawScene(domain: DomainName, stream: RandomStream): Scene {
  const { objects, blots, radius, background, jitter, rotationDegrees, ...amplitudes } = domains[domain];
  const within = (amplitude: number) => stream.between(-amplitude, amplitude);
  const count = ([least, most]: readonly [number, number]) => least + stream.integer(most - least + 1);
  const vary = (amplitude: number): Rgb => [within(amplitude), within(amplitude), within(amplitude)];

  const brightness = stream.between(...background);
  const taken = stream.shuffle(cells).slice(0, count(objects)).sort();
  return {
    objects: taken.map((cell) => {
      const color = stream.pick(colors);
      return {
        cell,
        color,
        shape: stream.pick(shapes),
        x: columnOf(cell) * cellSize + cellSize / 2 + within(jitter),
        y: rowOf(cell) * cellSize + cellSize / 2 + within(jitter),
        radius: stream.between(...radius),
        rotation: within(rotationDegrees),
        paint: add(palette[color], vary(amplitudes.palette)),
      };
    }),
    background: [brightness, brightness, brightness],
    blots: Array.from({ length: count(blots) }, () => ({
      x: stream.between(0, sceneSize),
      y: stream.between(0, sceneSize),
      radii: [stream.between(2, 6), stream.between(4, 16)] as const,
      rotation: stream.between(0, 180),
      shade: within(0.15),
    })),
    cast: vary(amplitudes.cast),
    noise: amplitudes.noise,
    noiseSeed: deriveSeed(stream.seed, "noise", stream.drawn),
  };
}

export function rowOf(cell: Cell): number {
  return Number(cell[1]);
}

export function columnOf(cell: Cell): number {
  return Number(cell[2]);
}

function add(a: Rgb, b: Rgb): Rgb {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}
