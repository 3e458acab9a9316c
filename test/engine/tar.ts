import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const block = 512;

/** The files of a folder as a compressed tar file (POSIX ustar). */
export async function tarOf(folder: string): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for (const name of await readdir(folder)) {
    const bytes = await readFile(join(folder, name));
    const header = Buffer.alloc(block);
    header.write(name, 0);
    header.write(`0000644\0${"0000000\0".repeat(2)}`, 100);
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write(`${"0".repeat(11)}\0        0`, 136);
    header.write("ustar\0" + "00", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    parts.push(header, bytes, Buffer.alloc((block - (bytes.length % block)) % block));
  }
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * block)]));
}
