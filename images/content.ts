import { type FilePart, hashFile } from "../common/file_hash.ts";
import { groupBy } from "../common/group_by.ts";
import { idOf } from "./image.ts";
import type { FilePath } from "./walk.ts";

/** The id of the image in a file, see `ImageFile`, or the same of a part of it. Rejects where it cannot be read. */
export async function contentOf(path: FilePath, part?: FilePart): Promise<string> {
  return idOf(await hashFile(path, part));
}

/** A file with a checksum of its first bytes. */
interface Sampled {
  readonly path: FilePath;
  readonly bytes: number;
  readonly sample: number;
}

/** Enough to tell photographs of one size apart. */
const middleBytes = 2 ** 16;

/** Files with the same content, in groups, each in the order given; files are read only as far as they are alike. */
export async function groupCopies<F extends Sampled>(
  files: readonly F[],
  forEach: (files: readonly F[], work: (file: F) => Promise<void>) => Promise<void>,
): Promise<F[][]> {
  const divide = async (alike: readonly F[], keyOf: (file: F) => Promise<string>): Promise<F[][]> => {
    const keys = new Map<F, string>();
    // A file that cannot be read any more is a copy of none.
    const note = async (file: F) =>
      void keys.set(file, await keyOf(file).catch(() => `unreadable ${file.path}`));
    await forEach(alike, note);
    const groups = groupBy(alike, (file) => keys.get(file));
    return [...groups.values()].filter((group) => group.length > 1);
  };
  const alike = await divide(files, async ({ bytes, sample }) => `${bytes} ${sample}`);
  const inTheMiddle = await divide(alike.flat(), async ({ path, bytes }) => {
    const start = bytes >>> 1;
    return `${bytes} ${await contentOf(path, { start, end: start + middleBytes - 1 })}`;
  });
  return divide(inTheMiddle.flat(), ({ path }) => contentOf(path));
}
