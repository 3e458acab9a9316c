import { zip } from "../../common/zip.ts";
import { cells, colors, type Layout, shapes, type Thing } from "../../images/scenes/scene.ts";
import type { ImageFeatures } from "../../policy/port.ts";
import { fitRidge, type LinearReadout, readOut } from "./ridge.ts";

/** Cells in a row, and in a column, of a scene. */
const SIDE = 4;

/** What a cell's features are fitted to: its colour, or none, and its shape, or none. */
const [colorClasses, shapeClasses] = [colors.length + 1, shapes.length + 1];

/**
 * The features of each cell of a scene, the mean of the rows that stand for it, [cells][width]; null where the rows are no
 * single grid that falls into cells.
 */
export function cellFeatures({ tiles, rows, width, data }: ImageFeatures): Float64Array[] | null {
  const across = Math.sqrt(rows);
  if (tiles !== 1 || !Number.isInteger(across) || across % SIDE !== 0) return null;
  const perCell = across / SIDE;
  return cells.map((_, cell) => {
    const mean = new Float64Array(width);
    const [top, left] = [Math.floor(cell / SIDE) * perCell, (cell % SIDE) * perCell];
    for (let y = top; y < top + perCell; y++)
      for (let x = left; x < left + perCell; x++) {
        const start = (y * across + x) * width;
        for (let i = 0; i < width; i++)
          mean[i] = (mean[i] as number) + (data[start + i] as number) / perCell ** 2;
      }
    return mean;
  });
}

/** Fits what is in the cells of scenes to their features, [scenes][cells][width]. */
export function fitCells(
  features: readonly (readonly Float64Array[])[],
  layouts: readonly Layout[],
): LinearReadout {
  const targets = layouts.flatMap((layout) => cells.map((cell) => targetOf(thingIn(layout, cell))));
  return fitRidge(features.flat(), targets);
}

/** The share of a scene's cells in which a read-out sees what is there: the colour and the shape of a thing, or nothing. */
export function cellsRead(readout: LinearReadout, features: readonly Float64Array[], layout: Layout): number {
  const right = zip(cells, features).filter(([cell, own]) => {
    const scores = readOut(readout, own);
    const [color, shape] = [
      largest(scores.subarray(0, colorClasses)),
      largest(scores.subarray(colorClasses)),
    ];
    const thing = thingIn(layout, cell);
    const [wantedColor, wantedShape] = classesOf(thing);
    return color === wantedColor && shape === wantedShape;
  });
  return right.length / cells.length;
}

function thingIn({ objects }: Layout, cell: Thing["cell"]): Thing | undefined {
  return objects.find((thing) => thing.cell === cell);
}

/** The last class of each is that nothing is there. */
function classesOf(thing: Thing | undefined): [color: number, shape: number] {
  return thing
    ? [colors.indexOf(thing.color), shapes.indexOf(thing.shape)]
    : [colorClasses - 1, shapeClasses - 1];
}

function targetOf(thing: Thing | undefined): Float64Array {
  const target = new Float64Array(colorClasses + shapeClasses);
  const [color, shape] = classesOf(thing);
  target[color] = 1;
  target[colorClasses + shape] = 1;
  return target;
}

function largest(scores: Float64Array): number {
  return scores.indexOf(Math.max(...scores));
}
