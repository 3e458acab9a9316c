import { Refused } from "./emscripten_files.ts";

/** Of a path, in bytes. */
const maxPath = 1000;
/** In place of a time's nanoseconds. */
const NOW = 0x3fffffff;
const AS_BEFORE = 0x3ffffffe;

/** The text at a place, which ends with a zero. Throws "ENAMETOOLONG", and "EINVAL" where it is no UTF-8. */
export function textAt(memory: Uint8Array, place: number): string {
  const start = place >>> 0;
  const end = memory.indexOf(0, start);
  if (end < 0 || end - start > maxPath) throw new Refused("ENAMETOOLONG");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(memory.slice(start, end));
  } catch {
    throw new Refused("EINVAL");
  }
}

/** The time at a place, a `timespec` of 16 bytes, in milliseconds; where it says so what was `before`; now at place 0. */
export function timeAt(memory: Uint8Array, place: number, before: number): number {
  if (place === 0) return Date.now();
  const view = new DataView(memory.buffer, place >>> 0);
  const nanoseconds = view.getInt32(8, true);
  if (nanoseconds === NOW) return Date.now();
  return nanoseconds === AS_BEFORE ? before : Number(view.getBigInt64(0, true)) * 1e3 + nanoseconds / 1e6;
}

/** What WASI's `fd_write` is given: where parts begin in memory, and how long they are. */
export function* partsAt(
  memory: Uint8Array,
  place: number,
  count: number,
): Generator<{ readonly start: number; readonly length: number }> {
  const view = new DataView(memory.buffer);
  const first = place >>> 0;
  for (let at = first; at < first + 8 * (count >>> 0); at += 8)
    yield { start: view.getUint32(at, true), length: view.getUint32(at + 4, true) };
}
