import { closeSync, openSync, readSync } from "node:fs";

/** A file in a tar file, and where its bytes lie. */
export interface Member {
  readonly name: string;
  readonly start: number;
  readonly bytes: number;
}

const block = 512;

/** Of a name that has a member of its own. */
const maxNameBytes = 2 ** 16;

/** The files of a tar file (POSIX ustar, pax and GNU names), up to where it is broken, and what is wrong there. */
export async function membersOf(
  path: string,
  size: number,
): Promise<{ readonly members: Member[]; readonly problem: string | null }> {
  const file = openSync(path, "r");
  try {
    const members: Member[] = [];
    const read = (start: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(file, buffer, 0, bytes, start));
    };
    let longName: string | null = null;
    for (let [at, seen] = [0, 1]; at + block <= size; seen++) {
      // Whoever waits for a signal gets a turn.
      if (seen % 4096 === 0) await new Promise(setImmediate);
      const header = read(at, block);
      if (header.every((byte) => byte === 0)) return { members, problem: null };
      const entry = readHeader(header);
      if (!entry) return { members, problem: `found no header of a member at byte ${at}` };
      const { name, bytes, type } = entry;
      const start = at + block;
      if (start + bytes > size)
        return {
          members,
          problem: `found ${name} of ${bytes} bytes, which goes on behind the end of the file`,
        };
      if (type === "L" || type === "x") {
        if (bytes > maxNameBytes) return { members, problem: `found a name of ${bytes} bytes at byte ${at}` };
        longName = type === "L" ? textIn(read(start, bytes)) : (paxPath(read(start, bytes)) ?? longName);
      } else {
        if (type === "0" || type === "\0") members.push({ name: longName ?? name, start, bytes });
        longName = null;
      }
      at = start + Math.ceil(bytes / block) * block;
    }
    return { members, problem: null };
  } finally {
    closeSync(file);
  }
}

/** What a header says; undefined where its checksum or its size is wrong. */
function readHeader(header: Buffer): { name: string; bytes: number; type: string } | undefined {
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 32 : byte;
  const bytes = numberIn(header.subarray(124, 136));
  if (numberIn(header.subarray(148, 156)) !== sum || !Number.isSafeInteger(bytes) || bytes < 0)
    return undefined;
  const isUstar = header.toString("latin1", 257, 262) === "ustar";
  const prefix = isUstar && header[262] === 0 ? textIn(header.subarray(345, 500)) : "";
  const name = textIn(header.subarray(0, 100));
  return { name: prefix ? `${prefix}/${name}` : name, bytes, type: String.fromCharCode(header[156] ?? 0) };
}

/** In octal digits, or in base 256 where the first bit is set. */
function numberIn(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) === 0) {
    const digits = /^[ \0]*([0-7]+)/.exec(field.toString("latin1"))?.[1];
    return digits === undefined ? Number.NaN : Number.parseInt(digits, 8);
  }
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
}

function textIn(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}

/** The path among pax records, "LENGTH path=VALUE\n". */
function paxPath(records: Buffer): string | null {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records.toString("utf8"))?.[1] ?? null;
}
