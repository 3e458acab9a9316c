import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { FolderFile } from "./folder_file.ts";
import { idOf } from "./image.ts";
import type { FilePath } from "./walk.ts";

/** The id of the image in a file, see `ImageFile`, or the same of its first bytes. Rejects where it cannot be read. */
export async function contentOf(
  path: FilePath,
  mostBytes: number = Number.POSITIVE_INFINITY,
): Promise<string> {
  await using file = await open(path);
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(mostBytes, 2 ** 20));
  for (let left = mostBytes; left > 0; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(left, buffer.length));
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return idOf(hash);
}

/** Enough to tell photographs of one size apart. */
const headBytes = 2 ** 16;

/** Files with the same content, in groups, each in the order given; files are read only as far as they are alike. */
export async function groupCopies<F extends Pick<FolderFile, "path" | "bytes" | "content">>(
  files: readonly F[],
  forEach: (files: readonly F[], work: (file: F) => Promise<void>) => Promise<void>,
): Promise<F[][]> {
  const divide = async (
    alike: readonly F[],
    key: (file: F) => Promise<unknown> | unknown,
  ): Promise<F[][]> => {
    const keys = new Map<F, unknown>();
    await forEach(alike, async (file) => void keys.set(file, await key(file)));
    const groups = new Map<unknown, F[]>();
    for (const file of alike) {
      const group = groups.get(keys.get(file));
      if (group) group.push(file);
      else groups.set(keys.get(file), [file]);
    }
    return [...groups.values()].filter((group) => group.length > 1);
  };
  // A file that cannot be read any more is a copy of none.
  const content = ({ path, content: known }: F, most?: number) =>
    known ?? contentOf(path, most).catch(() => `unreadable ${path}`);
  const ofOneSize = await divide(files, ({ bytes }) => bytes);
  const ofOneHead = await divide(
    ofOneSize.flat(),
    async (file) => `${file.bytes} ${await content(file, headBytes)}`,
  );
  return divide(ofOneHead.flat(), (file) => content(file));
}
