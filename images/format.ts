/** An image format that can be decoded. */
export type ImageFormat = "png" | "jpeg" | "webp" | "gif" | "avif" | "tiff";

/** How each format begins, as Latin-1. */
const signatures: Record<ImageFormat, RegExp> = {
  png: /^\x89PNG\r\n/,
  jpeg: /^\xff\xd8\xff/,
  webp: /^RIFF.{4}WEBP/s,
  gif: /^GIF8[79]a/,
  avif: /^.{4}ftyp(.{4})*?avi[fs]/s,
  tiff: /^(II[*+]\0|MM\0[*+])/,
};

/** What else is found under the name of an image, for messages. */
const lookalikes = {
  "a HEIC image": /^.{4}ftyp(.{4})*?(hei[cfmsx]|hev[cx]|mif1|msf1)/s,
  "a JPEG XL image": /^.{4}JXL /s,
  "a BMP image": /^BM.{4}\0{4}/s,
  "a PDF document": /^%PDF-/,
  "an SVG image": /^\s*(<\?xml[^>]*>\s*)?<svg/,
  "an HTML page": /^\s*<(!doctype|html|head|body)/i,
  "a ZIP archive": /^PK\W\W/,
};

const extensions: Record<ImageFormat | "other", readonly string[]> = {
  png: ["png"],
  jpeg: ["jpg", "jpeg", "jpe", "jfif"],
  webp: ["webp"],
  gif: ["gif"],
  avif: ["avif"],
  tiff: ["tif", "tiff"],
  other: ["heic", "heif", "jxl", "jp2", "bmp", "svg", "ico", "psd"],
};

/** What a file of a format is named, without a dot. */
export function extensionOf(format: ImageFormat): string {
  return extensions[format][0] as string;
}

/** The number of leading bytes that `sniff` and `nameContent` look at. */
export const headBytes = 64;

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
