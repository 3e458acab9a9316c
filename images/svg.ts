import sharp from "sharp";

/** The pixels of an SVG, [height, width, 3], the same for the same text: what is drawn has to cover all of it. */
export async function drawSvg(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
}

/** A colour, of red, green and blue as shares of full intensity, as SVG has it. */
export function svgColour(rgb: readonly number[]): string {
  return `rgb(${rgb.map((value) => Math.round(255 * Math.min(1, Math.max(0, value)))).join()})`;
}
