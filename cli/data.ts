import { VisplayError } from "../common/errors.ts";
import type { Mapping } from "../data/columns.ts";
import { parseColumns } from "../data/columns.ts";
import { type DataRow, type DataSet, isBroken } from "../data/data_set.ts";
import { type DataFile, openData } from "../data/open.ts";
import type { BrokenRow } from "../data/tables/table.ts";
import { parseHubData } from "../hub/name.ts";
import type { StoredImage } from "../images/stored_image.ts";
import { count, plural } from "./format.ts";
import { tellDownload } from "./model.ts";
import type { Opening } from "./run_images.ts";

/** Opens data that a user names, with columns as `parseColumns` reads them; says which files or lines are broken. */
export async function openUserData(data: string, columns: string | null, opening: Opening): Promise<DataSet> {
  const { say, signal, show } = opening;
  show(`opening ${data}`);
  const given: Partial<Mapping> = columns === null ? {} : parseColumns(columns);
  const set = await openData(data, { columns: given, signal, onHub: (name) => hubFiles(name, opening) });
  sayBroken(set.name, set.broken, say);
  return set;
}

/** The files of a data set on the hub, downloaded where the cache lacks them; undefined for what is no name of one. */
function hubFiles(data: string, opening: Opening): Promise<readonly DataFile[]> | undefined {
  const name = parseHubData(data);
  if (!name) return undefined;
  opening.show(`looking for ${name.repo}`);
  const onProgress = tellDownload(name.repo, opening);
  return import("../hub/data_set.ts").then(({ openHubData }) =>
    openHubData(name, onProgress, opening.signal),
  );
}

const mostShown = 5;

/** Names rows that are left out, some of many, and counts them. */
export function sayBroken(name: string, broken: readonly BrokenRow[], say: (line: string) => void): void {
  if (broken.length === 0) return;
  for (const { file, row, reason } of broken.slice(0, mostShown))
    say(`left out: ${row === null ? file : `${file}, row ${count(row)}`}: ${reason}`);
  const more = broken.length > mostShown ? `, ${count(broken.length - mostShown)} of them not shown` : "";
  say(`${name}: ${plural(broken.length, "row")} left out${more}`);
}

/** The pictures of data that is no mere folder of them, each once; says which rows have none. Throws "images" without any. */
export async function openPool(
  data: string,
  columns: string | null,
  opening: Opening,
): Promise<readonly StoredImage[]> {
  const { say, signal, show } = opening;
  const set = await openUserData(data, columns, opening);
  const pictures = new Map<string, StoredImage>();
  const broken: BrokenRow[] = [];
  for (let index = 0; index < set.length; index++) {
    signal.throwIfAborted();
    if (index % 1000 === 0) show(`listing pictures: ${count(index)} of ${plural(set.length, "row")}`);
    const images = await set.images(index);
    if (isBroken(images)) broken.push(images);
    else for (const image of images) pictures.set(image.name, image);
  }
  sayBroken(set.name, broken, say);
  if (pictures.size === 0)
    throw new VisplayError(
      "images",
      `${data}: found no picture in ${plural(set.length, "row")}, expected some`,
    );
  say(`${data}: ${plural(pictures.size, "picture")} in ${plural(set.length, "row")}`);
  return [...pictures.values()];
}

/** A question about one picture. */
export interface LabelledRow extends Omit<DataRow, "images"> {
  readonly image: StoredImage;
}

/**
 * The first rows, at most so many, that ask about one picture, with their cells of `others`, and those before that are
 * broken. Throws "data" without columns for that.
 */
export async function labelledRows(
  set: DataSet,
  {
    others = [],
    most = Number.POSITIVE_INFINITY,
    signal,
  }: { others?: readonly string[]; most?: number; signal: AbortSignal },
): Promise<{ rows: LabelledRow[]; broken: BrokenRow[] }> {
  const rows: LabelledRow[] = [];
  const broken: BrokenRow[] = [];
  for (let index = 0; index < set.length && rows.length < most; index++) {
    signal.throwIfAborted();
    const row = await set.row(index, others);
    if (isBroken(row)) {
      broken.push(row);
      continue;
    }
    const { images, ...asked } = row;
    const [image, another] = images;
    if (image && !another) rows.push({ image, ...asked });
    else broken.push({ ...set.place(index), reason: `found ${images.length} pictures, expected one` });
  }
  return { rows, broken };
}
