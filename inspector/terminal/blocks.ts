import type { RgbImage } from "../../images/image.ts";

/**
 * A picture as characters of two pixels each, one above the other: the upper half block in the colour of the upper one, over
 * a ground in that of the lower one. A line for every two rows of pixels; of a last single one, the ground stays.
 */
export function blocksPicture({ width, height, data }: RgbImage, colours: "all" | "256"): string {
  const colour = (x: number, y: number) => {
    const at = (y * width + x) * 3;
    const [red, green, blue] = [data[at], data[at + 1], data[at + 2]] as [number, number, number];
    return colours === "all" ? `2;${red};${green};${blue}` : `5;${paletteIndex(red, green, blue)}`;
  };
  const line = (y: number) => {
    const cells = Array.from({ length: width }, (_, x) => {
      const ground = y + 1 < height ? `;48;${colour(x, y + 1)}` : "";
      return `\u001b[38;${colour(x, y)}${ground}m▀`;
    });
    return `${cells.join("")}\u001b[0m`;
  };
  return Array.from({ length: Math.ceil(height / 2) }, (_, row) => line(2 * row)).join("\n");
}

/** Values of a channel in the cube of 6 by 6 by 6 colours that terminals have from 16 on. */
const levels = [0, 95, 135, 175, 215, 255] as const;

/** The nearest of the 256 colours that terminals share: of the cube, or of the 24 greys behind it. */
export function paletteIndex(red: number, green: number, blue: number): number {
  const steps = [red, green, blue].map(nearestLevel) as [number, number, number];
  const cube = steps.map((step) => levels[step] as number);
  const grey = Math.max(0, Math.min(23, Math.round(((red + green + blue) / 3 - 8) / 10)));
  const distance = (other: readonly number[]) =>
    [red, green, blue].reduce((sum, value, i) => sum + (value - (other[i] as number)) ** 2, 0);
  return distance(new Array(3).fill(8 + 10 * grey)) < distance(cube)
    ? 232 + grey
    : 16 + 36 * steps[0] + 6 * steps[1] + steps[2];
}

function nearestLevel(value: number): number {
  const distances = levels.map((level) => Math.abs(level - value));
  return distances.indexOf(Math.min(...distances));
}
