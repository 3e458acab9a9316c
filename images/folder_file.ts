import { close, fstat, open, read } from "node:fs";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { commonHeader } from "./common_header.ts";
import { contentOf } from "./content.ts";
import { type ImageLimits, inspectFile, readImage } from "./decode.ts";
import type { ImageFormat } from "./format.ts";
import { isAsItWas, type StoredImage } from "./stored_image.ts";
import type { FilePath, FoundFile } from "./walk.ts";

/** An image file as it was found. */
export class FolderFile implements StoredImage {
  /** As in `FoundFile`. */
  readonly name: string;
  readonly path: FilePath;
  readonly bytes: number;
  readonly standsAlone = true;
  readonly changedMs: number;
  /** A checksum of its first bytes, which copies have in common. */
  readonly sample: number;

  constructor(
    { name, path }: Pick<FoundFile, "name" | "path">,
    size: number,
    changedMs: number,
    sample: number,
  ) {
    this.name = name;
    this.path = path;
    this.bytes = size;
    this.changedMs = changedMs;
    this.sample = sample;
  }

  content(): Promise<string> {
    return contentOf(this.path);
  }

  isUntouched(): Promise<boolean> {
    return isAsItWas(this.path, this);
  }

  read(limits: ImageLimits): Promise<Uint8Array> {
    return readImage(this.path, null, limits);
  }
}

/** A file that can be used and the format of its content, or why it cannot be used. */
export type Inspected =
  | { readonly file: FolderFile; readonly format: ImageFormat }
  | { readonly refused: string };

/** Checks a file by its size and its header, without decoding pixels. */
export async function inspect(found: FoundFile, limits: ImageLimits): Promise<Inspected> {
  const { path, isRegular } = found;
  const head = isRegular ? await readHead(path).catch(() => null) : null;
  const header = (head && (await ordinaryHeader(head, limits))) ?? (await inspectFile(path, limits));
  if ("refused" in header) return header;
  if (!head) return { refused: "found a file that could not be read at first" };
  const { bytes, size, changedMs } = head;
  return { file: new FolderFile(found, size, changedMs, crc32(bytes)), format: header.format };
}

interface Head {
  /** The first bytes, or all of a small file. */
  readonly bytes: Buffer;
  readonly size: number;
  readonly changedMs: number;
}

/** The header where it is like most and within the limits. */
async function ordinaryHeader({ bytes, size }: Head, { maxBytes, maxPixels }: ImageLimits) {
  const header = await commonHeader(bytes);
  return header && size <= maxBytes && header.width * header.height <= maxPixels ? header : null;
}

/** Holds the headers of nearly all photographs, with their thumbnails, and all of most small pictures. */
const headBytes = 2 ** 16;

// Half the cost of file handles, which counts where there are 100,000 files.
const files = {
  open: promisify(open),
  fstat: promisify(fstat),
  read: promisify(read),
  close: promisify(close),
};

async function readHead(path: FilePath): Promise<Head> {
  const handle = await files.open(path, "r");
  try {
    const { size, ctimeMs } = await files.fstat(handle);
    const wanted = Math.min(size, headBytes);
    const { bytesRead, buffer } = await files.read(handle, Buffer.allocUnsafe(wanted), 0, wanted, 0);
    return { bytes: buffer.subarray(0, bytesRead), size, changedMs: ctimeMs };
  } finally {
    await files.close(handle);
  }
}
