import { readFileSync } from "node:fs";

/** What a thread's globals keep: what the language itself has, and little of the platform. */
const kept = new Set<PropertyKey>([
  ...["Object", "Function", "Array", "Number", "Boolean", "String", "Symbol", "BigInt", "Math", "JSON"],
  ...["parseFloat", "parseInt", "isFinite", "isNaN", "Infinity", "NaN", "undefined", "globalThis", "eval"],
  ...["decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "unescape"],
  ...["Error", "AggregateError", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError"],
  ...["URIError", "Intl", "Date", "Promise", "RegExp", "Map", "Set", "WeakMap", "WeakSet", "WeakRef"],
  ...["FinalizationRegistry", "Proxy", "Reflect", "ArrayBuffer", "DataView", "Uint8Array", "Int8Array"],
  ...["Uint8ClampedArray", "Uint16Array", "Int16Array", "Uint32Array", "Int32Array", "BigUint64Array"],
  ...["BigInt64Array", "Float32Array", "Float64Array", "WebAssembly", "TextDecoder", "TextEncoder"],
  ...["setTimeout", "clearTimeout", "AbortController", "AbortSignal"],
]);

/** A clock that only goes on as it is read, so that equal calls see equal times. */
export interface Clock {
  /** Milliseconds since 1970. */
  now: number;
}

/** Where it begins: noon of 1 January 2025, UTC. */
export const noon: number = Date.UTC(2025, 0, 1, 12);

/**
 * Takes from this thread's globals whatever leads out of it, so that Pyodide, loaded thereafter, finds a bare JavaScript shell
 * instead of Node, and makes the thread's clock one that goes on by a millisecond each time that it is read.
 */
export function closeRealm(): Clock {
  const realm = globalThis as Record<PropertyKey, unknown>;
  for (const name of Reflect.ownKeys(realm)) if (!kept.has(name)) delete realm[name];
  const clock = { now: noon };
  Date.now = () => clock.now++;
  realm.performance = { now: () => clock.now++ - noon };
  realm.console = { log() {}, warn() {}, error() {} };
  return clock;
}

/** Lets the shell read files while `work` goes on, as Pyodide does only while it loads. */
export async function withFiles<T>(work: () => Promise<T>): Promise<T> {
  const realm = globalThis as Record<string, unknown>;
  realm.read = (file: string) => readFileSync(file, "utf8");
  realm.readbuffer = (file: string) => readFileSync(file);
  realm.load = () => {};
  try {
    return await work();
  } finally {
    for (const name of ["read", "readbuffer", "load"]) delete realm[name];
  }
}
