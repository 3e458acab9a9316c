import type { Bytes } from "./bytes.ts";
import type { Colours } from "./colours.ts";
import { damagedError, Refusal, unsupportedError } from "./refusal.ts";
import { readDirectory, type TiffDirectory } from "./tiff_directory.ts";

/** What a TIFF says of its first picture. */
export interface TiffHeader {
  readonly width: number;
  readonly height: number;
  readonly colours: Colours;
  /** Whether the band after the colours is transparency; what else may follow means nothing. */
  readonly alpha: boolean;
  readonly wide: boolean;
  readonly orientation: number | undefined;
  readonly xmp: Buffer | undefined;
  /** Null for strips. */
  readonly tiles: Tiles | null;
}

/** A picture in tiles that lie row by row and reach over its edges. */
export interface Tiles {
  readonly width: number;
  readonly height: number;
  /** Tiles in a row. */
  readonly across: number;
  /** The same file with the tiles as strips, one above the other. */
  stack(tiff: Buffer): Buffer;
}

/** Tags (TIFF 6.0, and those that others registered). */
const tag = {
  subfileType: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  planar: 284,
  t4: 292,
  t6: 293,
  predictor: 317,
  colorMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileBytes: 325,
  subIfds: 330,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
  subsampling: 530,
  xmp: 700,
  dngVersion: 50706,
} as const;

const jpegCompression = 7;
const readCompressions = [1, 2, 3, 4, 5, jpegCompression, 8, 32773, 32946, 50001];
const compressions: Readonly<Record<number, string>> = {
  6: "old-style JPEG",
  34712: "JPEG 2000",
  34887: "LERC",
  34925: "LZMA",
  50000: "ZSTD",
  50002: "JPEG XL",
};
/** What only cameras write: a mosaic of colours, linear raw data, and compressions of single makers. */
const cameraPhotometrics = [32803, 34892];
const cameraCompressions = [32767, 32769, 34713, 65535];

/** A way to store colours: how many bands it takes, and of which bits. */
interface Photometric {
  readonly name: string;
  readonly colours: Colours;
  readonly bands: number;
  readonly bits: readonly number[];
}

const grey: Photometric = { name: "grey", colours: "rgb", bands: 1, bits: [1, 2, 4, 8, 16, 32] };
const photometrics: Readonly<Record<number, Photometric>> = {
  0: grey,
  1: grey,
  2: { name: "RGB", colours: "rgb", bands: 3, bits: [8, 16] },
  3: { name: "a palette", colours: "rgb", bands: 1, bits: [1, 2, 4, 8] },
  5: { name: "CMYK", colours: "cmyk", bands: 4, bits: [8, 16] },
  6: { name: "YCbCr", colours: "ycc", bands: 3, bits: [8] },
};
const unread: Readonly<Record<number, string>> = {
  4: "a mask",
  8: "Lab colours",
  9: "Lab colours",
  10: "Lab colours",
  32844: "LogL",
  32845: "LogLuv",
};

/** Throws a `Refusal` where libvips or Pillow could not read the picture, and for a camera's raw file. */
export async function readTiffHeader(bytes: Bytes): Promise<TiffHeader> {
  const directory = await readDirectory(bytes);
  const width = directory?.value(tag.width) ?? 0;
  const height = directory?.value(tag.height) ?? 0;
  if (!directory || width < 1 || height < 1) throw damagedError("tiff", "it has no directory of a picture");
  refuseRaw(directory);
  const compression = directory.value(tag.compression) ?? 1;
  if (!readCompressions.includes(compression))
    throw unsupportedError("tiff", `${compressions[compression] ?? `scheme ${compression}`} compression`);
  const xmp = directory.values(tag.xmp);
  return {
    width,
    height,
    ...bandsOf(directory, compression),
    orientation: directory.value(tag.orientation),
    xmp: xmp.length > 0 ? Buffer.from(xmp) : undefined,
    tiles: tilesOf(directory, width, height),
  };
}

/** A raw file holds a thumbnail where a TIFF has its picture. */
function refuseRaw(directory: TiffDirectory): void {
  const reduced = ((directory.value(tag.subfileType) ?? 0) & 1) !== 0 && directory.has(tag.subIfds);
  const camera =
    cameraPhotometrics.includes(directory.value(tag.photometric) ?? 0) ||
    cameraCompressions.includes(directory.value(tag.compression) ?? 0);
  if (reduced || camera || directory.has(tag.dngVersion))
    throw new Refusal("found a camera's raw file, expected a picture; develop it, for example to JPEG");
}

/** The bands of a picture, which have to be those that its colours take. */
function bandsOf(
  directory: TiffDirectory,
  compression: number,
): Pick<TiffHeader, "colours" | "alpha" | "wide"> {
  const photometric = directory.value(tag.photometric) ?? 1;
  const stored = photometrics[photometric];
  if (!stored) throw unsupportedError("tiff", unread[photometric] ?? `colours of kind ${photometric}`);
  const { name, bands } = stored;
  const samples = directory.value(tag.samples) ?? 1;
  const bits = directory.values(tag.bits);
  const depth = bits[0] ?? 1;
  if (!stored.bits.includes(depth) || bits.some((other) => other !== depth))
    throw unsupportedError("tiff", `${bits.join(", ")} bits of ${name}`);
  checkFormat(directory, depth, samples);
  const alpha = alphaOf(directory, stored, samples);
  if (stored.colours !== "ycc") return { colours: stored.colours, alpha, wide: depth === 16 };
  // What is compressed as JPEG is decoded to RGB.
  if (compression === jpegCompression) return { colours: "rgb", alpha, wide: false };
  const subsampling = directory.values(tag.subsampling);
  if (subsampling.length === 0 || subsampling.some((factor) => factor !== 1) || samples !== bands)
    throw unsupportedError("tiff", "YCbCr that is subsampled, and not as JPEG");
  return { colours: "ycc", alpha, wide: false };
}

/** Numbers are whole and not negative; of 32 bits and of one band, any are read and clipped to a byte. */
function checkFormat(directory: TiffDirectory, depth: number, samples: number): void {
  const format = directory.value(tag.sampleFormat) ?? 1;
  if (depth === 32 ? samples === 1 : format === 1 || format === 4) return;
  const kind = format === 1 ? "" : format === 3 ? "floating-point " : format === 2 ? "signed " : "complex ";
  throw unsupportedError("tiff", `${samples} bands of ${kind}numbers of ${depth} bits`);
}

/** Only extra samples that say so are transparency; those of a fourth band that nobody describes count as if. */
function alphaOf(directory: TiffDirectory, { name, bands, colours }: Photometric, samples: number): boolean {
  const extra = directory.values(tag.extraSamples);
  const missing = extra.length === 0;
  const most = bands === 3 ? 6 : bands + 1;
  const described = samples - bands === extra.length || (missing && bands === 3 && samples === 4);
  if (samples < bands || samples > most || !described)
    throw unsupportedError(
      "tiff",
      `${samples} bands of ${name}, of which ${extra.length} are said to be extra`,
    );
  const alpha = samples > bands && (missing || extra[0] === 1 || extra[0] === 2);
  if (alpha && colours === "cmyk") throw unsupportedError("tiff", "CMYK with transparency");
  return alpha;
}

/** Tiles have a fraction of their picture; larger ones are damage. */
const maxTilePixels = 2 ** 26;

const keptForTiles = [
  tag.bits,
  tag.compression,
  tag.photometric,
  tag.fillOrder,
  tag.samples,
  tag.planar,
  tag.t4,
  tag.t6,
  tag.predictor,
  tag.colorMap,
  tag.extraSamples,
  tag.sampleFormat,
  tag.jpegTables,
  tag.subsampling,
];

/**
 * A damaged tile comes out of libvips as black, without a word; a damaged strip is an error. As tiles are packed each for
 * itself, as strips are, tiles can be read as strips.
 */
function tilesOf(directory: TiffDirectory, imageWidth: number, imageHeight: number): Tiles | null {
  if (!directory.has(tag.tileWidth)) return null;
  const width = directory.value(tag.tileWidth) ?? 0;
  const height = directory.value(tag.tileHeight) ?? 0;
  const across = Math.ceil(imageWidth / width);
  const count = across * Math.ceil(imageHeight / height);
  const planes = directory.value(tag.planar) === 2 ? (directory.value(tag.samples) ?? 1) : 1;
  const offsets = directory.values(tag.tileOffsets);
  const lengths = directory.values(tag.tileBytes);
  if (
    !(width > 0 && height > 0 && width * height <= maxTilePixels) ||
    offsets.length < count * planes ||
    lengths.length < count * planes
  )
    throw damagedError(
      "tiff",
      `${offsets.length} tiles of ${width}x${height} pixels for ${imageWidth}x${imageHeight}`,
    );
  const strips = directory.pick(keptForTiles, {
    [tag.width]: [width],
    [tag.height]: [height * count],
    [tag.rowsPerStrip]: [height],
    [tag.stripOffsets]: offsets.slice(0, count * planes),
    [tag.stripBytes]: lengths.slice(0, count * planes),
  });
  return { width, height, across, stack: (tiff) => withDirectory(tiff, strips) };
}

/** A classic TIFF file of the same bytes, with its directory at the end. */
function withDirectory(tiff: Buffer, directory: TiffDirectory): Buffer {
  const start = tiff.length + (tiff.length % 2);
  const result = Buffer.concat([tiff, Buffer.alloc(start - tiff.length), directory.encode(start)]);
  if (directory.littleEndian) {
    result.writeUInt16LE(42, 2);
    result.writeUInt32LE(start, 4);
  } else {
    result.writeUInt16BE(42, 2);
    result.writeUInt32BE(start, 4);
  }
  return result;
}
