/** A rectangle in an image, in whatever unit its coordinates are, and what is in it where that is said. */
export interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly label: string | null;
}

/** In numbers and in characters: what says more is no list of boxes. */
const most = { boxes: 200, characters: 20_000 };

/**
 * The boxes that a text says: JSON as detectors write it, [{"bbox_2d": [x1, y1, x2, y2], "label": "cat"}], or any numbers,
 * four of them a box. Empty where it says that there are none, null where it says no boxes.
 */
export function boxesIn(text: string): Box[] | null {
  const written = text.trim();
  if (written.length > most.characters) return null;
  if (/^(?:none|\[\s*\])[.!]?$/i.test(written)) return [];
  const boxes = boxesOfJson(written) ?? boxesOfNumbers(written);
  return boxes && boxes.length <= most.boxes ? boxes : null;
}

function boxesOfJson(text: string): Box[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const entries = Array.isArray(value) ? value : [value];
  const boxes = entries.flatMap((entry) => {
    if (typeof entry !== "object" || entry === null) return [];
    const { bbox_2d, bbox, box, label } = entry as Record<string, unknown>;
    const corners = Array.isArray(entry) ? entry : (bbox_2d ?? bbox ?? box);
    return Array.isArray(corners) && corners.length === 4 && corners.every(Number.isFinite)
      ? (boxOf(corners, typeof label === "string" ? fold(label) : null) ?? [])
      : [];
  });
  return boxes.length === entries.length && boxes.length > 0 ? boxes : null;
}

function boxesOfNumbers(text: string): Box[] | null {
  const numbers = (text.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number);
  if (numbers.length === 0 || numbers.length % 4 !== 0) return null;
  const boxes = Array.from({ length: numbers.length / 4 }, (_, i) =>
    boxOf(numbers.slice(4 * i, 4 * i + 4), null),
  );
  return boxes.every((box) => box !== null) ? boxes : null;
}

function boxOf([x1, y1, x2, y2]: readonly number[], label: string | null): Box | null {
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) return null;
  return x1 <= x2 && y1 <= y2 ? { x1, y1, x2, y2, label } : null;
}

/** Intersection over union of two boxes, 0 to 1. */
function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  const shared = Math.max(0, width) * Math.max(0, height);
  const united = area(a) + area(b) - shared;
  return united > 0 ? shared / united : 0;
}

function area({ x1, y1, x2, y2 }: Box): number {
  return (x2 - x1) * (y2 - y1);
}

/** Intersection over union, 0 to 1, of the boxes that two texts say, one each; 0 where one does not. */
export function overlap(answer: string, truth: string): number {
  const [[a, moreA] = [], [b, moreB] = []] = [boxesIn(answer) ?? [], boxesIn(truth) ?? []];
  return a && b && !moreA && !moreB ? overlapOf(a, b) : 0;
}

/** The least overlap of a box with the true one that it is matched with. */
const least = 0.5;
const weights = { place: 0.7, completeness: 0.3 };

/**
 * How right boxes are, 0 to 1, as VLM-R1 (2504.07615) rewards detection. The pair that overlaps most is matched, then the
 * next, down to an overlap of a half; labels, where both have one, have to be the same. 0.7 times the overlaps' sum over
 * the number of true boxes, and 0.3 times 1 - the mean of the shares that were missed and that were made up.
 */
export function boxesScore(answer: string, truth: string): number {
  const [given, wanted] = [boxesIn(answer), boxesIn(truth)];
  if (given === null || wanted === null) return 0;
  if (wanted.length === 0 || given.length === 0) return Number(wanted.length === given.length);
  const matches = match(given, wanted);
  const place = matches.reduce((sum, overlap) => sum + overlap, 0) / wanted.length;
  const missed = 1 - matches.length / wanted.length;
  const madeUp = 1 - matches.length / given.length;
  return weights.place * place + weights.completeness * (1 - (missed + madeUp) / 2);
}

/** The overlaps of matched boxes, the largest first. */
function match(given: readonly Box[], wanted: readonly Box[]): number[] {
  const pairs = given.flatMap((a, i) =>
    wanted.map((b, j) => ({ i, j, overlap: isOneKind(a, b) ? overlapOf(a, b) : 0 })),
  );
  const open = { given: new Set(given.keys()), wanted: new Set(wanted.keys()) };
  const matches: number[] = [];
  for (const { i, j, overlap } of pairs.sort((a, b) => b.overlap - a.overlap)) {
    if (overlap < least || !open.given.has(i) || !open.wanted.has(j)) continue;
    open.given.delete(i);
    open.wanted.delete(j);
    matches.push(overlap);
  }
  return matches;
}

function isOneKind({ label: a }: Box, { label: b }: Box): boolean {
  return a === null || b === null || a === b;
}

function fold(text: string): string {
  return text.trim().toLowerCase();
}
