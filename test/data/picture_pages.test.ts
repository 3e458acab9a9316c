import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { ParquetRows } from "../../data/export/parquet_rows.ts";
import { openData } from "../../data/open.ts";
import { defaultLimits } from "../../images/decode.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visplay-pages-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const stream = new RandomStream(5);
const noise = (length: number) => Uint8Array.from({ length }, () => stream.integer(256));
/** More than a page, more than a row group; one is missing. */
const pictures = Array.from({ length: 130 }, (_, i) => (i === 40 ? null : noise(1 + stream.integer(20_000))));

type Read = (row: number) => Promise<Uint8Array>;

async function open(path: string): Promise<Read> {
  const set = await openData(path, { signal: new AbortController().signal, onHub: () => undefined });
  expect(set.length).toBe(pictures.length);
  return async (row) => {
    const images = await set.images(row);
    if ("reason" in images) throw new Error(images.reason);
    return (await images[0]?.read(defaultLimits)) ?? new Uint8Array();
  };
}

async function expectAll(read: Read, others: (row: number) => boolean = () => true): Promise<void> {
  const order = pictures.map((_, row) => ({ row, key: stream.uniform() })).sort((a, b) => a.key - b.key);
  for (const { row } of [...order, ...order].filter(({ row }) => others(row))) {
    const picture = pictures[row];
    if (picture) expect(Buffer.compare(await read(row), picture), `row ${row}`).toBe(0);
    else await expect(read(row)).rejects.toMatchObject({ code: "images" });
  }
}

describe("pictures of Parquet rows, in any order", () => {
  test("are read by the index of pages: damage to one page is damage to its pictures only", async () => {
    const path = join(folder, "indexed.parquet");
    const rows = await ParquetRows.create(path, { image: "image" });
    for (const [i, bytes] of pictures.entries())
      await rows.add({ image: bytes && { bytes, path: `${i}.png` } }, bytes?.length ?? 0);
    await rows.close();
    await expectAll(await open(path));

    const file = readFileSync(path);
    const first = file.indexOf(Buffer.from(pictures[0] as Uint8Array));
    file.fill(0xff, 4, first);
    writeFileSync(path, file);
    const read = await open(path);
    await expect(read(0)).rejects.toMatchObject({ code: "images" });
    await expectAll(read, (row) => row >= 12);
  });

  test.each(["UNCOMPRESSED", "SNAPPY"] as const)("are read without one, as bytes, %s", async (codec) => {
    const path = join(folder, "plain.parquet");
    const column = { name: "image", type: "BYTE_ARRAY", nullable: true, data: pictures, codec } as const;
    const plain = { ...column, encoding: "PLAIN", offsetIndex: false, columnIndex: false } as const;
    const written = parquetWriteBuffer({ columnData: [plain], pageSize: 50_000, rowGroupSize: 60 });
    writeFileSync(path, Buffer.from(written));
    await expectAll(await open(path));
  });
});
