import sharp from "sharp";

/** The pixels of an SVG, [height, width, 3], the same for the same text: what is drawn has to cover all of it. */
export async function drawSvg(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
}
