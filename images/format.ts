/** An image format that can be decoded. */
export type ImageFormat = "png" | "jpeg" | "webp" | "gif" | "avif" | "tiff";

/** How each format begins, as Latin-1. */
const signatures: Record<ImageFormat, RegExp> = {
  png: /^\x89PNG\r\n/,
  jpeg: /^\xff\xd8\xff/,
  webp: /^RIFF.{4}WEBP/s,
  gif: /^GIF8[79]a/,
  avif: brands("avi[fs]"),
  tiff: /^(II[*+]\0|MM\0[*+])/,
};

/** What else is found under the name of an image, for messages. */
const lookalikes = {
  "a camera's raw file (develop it, for example to JPEG)": camera(),
  "a HEIC image (convert it, for example to JPEG)": brands("hei[cfmsx]|hev[cx]|mif1|msf1"),
  "a JPEG XL image": /^(\xff\n|\0\0\0.JXL )/s,
  "a JPEG 2000 image": /^(\xff\x4f\xff\x51|\0\0\0.jP {2})/s,
  "a Photoshop document": /^8BPS/,
  "a Windows icon": /^\0\0.\0.\0/s,
  "a BMP image": /^BM.{4}\0{4}/s,
  "an SVG image":
    /^(\xef\xbb\xbf)?(\s|<\?xml[^>]*>|<!--(?:(?!-->).)*-->|<!DOCTYPE svg[^>]*>)*<(\w+:)?svg[\s>]/is,
  "an HTML page": /^\s*<(!doctype html|html|head|body)/i,
  "a video": /^(.{4}ftyp|RIFF.{4}AVI |.E\xdf\xa3|\0\0.[\xb3\xba]|FLV.|.{4}(moov|mdat|wide|free))/s,
  "a PDF document": /^%PDF-/,
  "a ZIP archive": /^PK\W\W/,
  "a Git LFS pointer in place of the file (fetch it with `git lfs pull`)": /^version https:\/\/git-lfs/,
};

/** The brands that a file of the kind of MP4 claims: its own, and those that it is compatible with. */
function brands(pattern: string): RegExp {
  return new RegExp(`^.{4}ftyp(.{4}){0,12}?(${pattern})`, "s");
}

/** Raw files that are no TIFF: of Canon (two kinds), Fujifilm, Olympus, Panasonic, Minolta and Sigma. */
function camera(): RegExp {
  return /^(.{4}ftypcrx |.{6}HEAPCCDR|FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|\0MRM|FOVb)/s;
}

const extensions: Record<ImageFormat | "other", readonly string[]> = {
  png: ["png"],
  jpeg: ["jpg", "jpeg", "jpe", "jfif"],
  webp: ["webp"],
  gif: ["gif"],
  avif: ["avif"],
  tiff: ["tif", "tiff"],
  other: [
    ...["heic", "heif", "jxl", "jp2", "j2k", "jpx", "bmp", "svg", "ico", "psd"],
    ...["dng", "cr2", "cr3", "nef", "arw", "raf", "orf", "rw2", "pef", "srw"],
  ],
};

/** What a file of a format is named, without a dot. */
export function extensionOf(format: ImageFormat): string {
  return extensions[format][0] as string;
}

/** The number of leading bytes that `sniff` and `nameContent` look at. */
export const headBytes = 512;

/** The formats that can be decoded, for messages. */
export const supported = "PNG, JPEG, WebP, GIF, AVIF or TIFF";

/** The format that a file's first bytes show, or null if it is none that can be decoded. */
export function sniff(head: Uint8Array): ImageFormat | null {
  return firstMatch(signatures, head);
}

/** Says in words what the first bytes of a file that is no usable image look like. */
export function nameContent(head: Uint8Array): string {
  return firstMatch(lookalikes, head) ?? "data of no known image format";
}

/** Whether the first bytes of a file that is no image may be a video's, as they are of one or of nothing that is known. */
export function mayBeVideo(head: Uint8Array): boolean {
  return isVideo(head) || firstMatch(lookalikes, head) === null;
}

/** Whether a file's first bytes are a video's. */
export function isVideo(head: Uint8Array): boolean {
  return firstMatch(lookalikes, head) === "a video";
}

/** The format that a file's extension claims: "other" for an image that cannot be decoded, null for no image. */
export function claimedFormat(name: string): ImageFormat | "other" | null {
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  for (const [format, names] of Object.entries(extensions)) {
    if (names.includes(extension)) return format as ImageFormat | "other";
  }
  return null;
}

function firstMatch<T extends string>(patterns: Record<T, RegExp>, head: Uint8Array): T | null {
  const text = Buffer.from(head.subarray(0, headBytes)).toString("latin1");
  for (const name in patterns) if (patterns[name].test(text)) return name;
  return null;
}
