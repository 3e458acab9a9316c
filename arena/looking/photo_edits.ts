import { RandomStream } from "../../common/random.ts";
import { cover, mirror, type Region } from "../../images/edit.ts";
import type { RgbImage, Size } from "../../images/image.ts";
import { boxesIn } from "../../rewards/boxes.ts";
import type { Test, TestEdits } from "../ports.ts";
import { mirroredQuestion, mirroredTruths } from "./sides.ts";

/**
 * The parts of a picture that a cell of data names, in pixels of the image that it was scaled to: boxes as `boxesIn` reads
 * them, in pixels of the picture as it was, or in shares of it where no number is above 1. Empty where it names none.
 */
export function regionsIn(cell: string, picture: Size, image: Size): Region[] {
  const boxes = boxesIn(cell) ?? [];
  const areShares = boxes.every(({ x2, y2 }) => x2 <= 1 && y2 <= 1);
  const [across, down] = areShares
    ? [image.width, image.height]
    : [image.width / picture.width, image.height / picture.height];
  return boxes.flatMap(({ x1, y1, x2, y2 }) => {
    const [left, top] = [Math.floor(x1 * across), Math.floor(y1 * down)];
    const [width, height] = [Math.ceil(x2 * across) - left, Math.ceil(y2 * down) - top];
    const isInside = left < image.width && top < image.height && left + width > 0 && top + height > 0;
    return isInside && width > 0 && height > 0 ? [{ left, top, width, height }] : [];
  });
}

/**
 * Pictures of a labelled photograph: one whose evidence is another, mirrored where the question is about sides, else with
 * the given regions covered; and one that is changed elsewhere.
 */
export function photoEdits(
  test: Pick<Test, "image" | "question" | "truths">,
  regions: readonly Region[],
  seed: number,
): TestEdits {
  const { image, question, truths } = test;
  const sides = mirroredTruths(question, truths);
  const swapped = mirroredQuestion(question, truths);
  const covered = regions.length > 0 ? regions.reduce(cover, image) : null;
  const evidence = sides
    ? { image: mirror(image), truths: sides }
    : covered && { image: covered, truths: null };
  const free = freePlace(image, regions, new RandomStream(seed));
  const elsewhere = free
    ? { image: cover(image, free), question }
    : swapped === null
      ? null
      : { image: mirror(image), question: swapped };
  return { evidence, elsewhere };
}

/** Draws that look for a place. */
const TRIES = 64;

/** A place as large as the largest of some regions that touches none of them; null where none was found, or needed. */
function freePlace(image: RgbImage, regions: readonly Region[], stream: RandomStream): Region | null {
  const [largest] = regions.toSorted((a, b) => b.width * b.height - a.width * a.height);
  if (!largest) return null;
  const [width, height] = [Math.min(largest.width, image.width), Math.min(largest.height, image.height)];
  for (let i = 0; i < TRIES; i++) {
    const left = stream.integer(image.width - width + 1);
    const top = stream.integer(image.height - height + 1);
    const place = { left, top, width, height };
    if (!regions.some((region) => touch(region, place))) return place;
  }
  return null;
}

function touch(a: Region, b: Region): boolean {
  return (
    a.left < b.left + b.width &&
    b.left < a.left + a.width &&
    a.top < b.top + b.height &&
    b.top < a.top + a.height
  );
}
