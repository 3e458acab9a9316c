import { RandomStream } from "../../../common/random.ts";
import { partsAt } from "./c_values.ts";
import { errors } from "./emscripten_files.ts";
import type { ScratchFiles } from "./scratch_files.ts";

/** Python asked JavaScript for something that it may not have; the call ends. */
export class GateError extends Error {
  constructor(name: string) {
    super(`Python asked for what is not in its sandbox (${name})`);
    this.name = "GateError";
  }
}

/** A call printed more than it may. */
export class OutputError extends Error {}

type Import = (...args: unknown[]) => unknown;

/** One that the gate has instead. */
type Own = (...args: never) => unknown;

/** What WebAssembly imports, by module and name. */
export type Imports = Readonly<Record<string, Record<string, Import>>>;

/** What Python may ask of JavaScript once the gate is shut: to read files, the time, and how to call itself. */
const open = new Set([
  ...["__syscall_getdents64", "__syscall_getcwd", "__syscall_stat64", "__syscall_lstat64"],
  ...["__syscall_fstat64", "__syscall_newfstatat", "__syscall_faccessat", "__syscall_readlinkat"],
  ...["fd_read", "fd_seek", "clock_time_get", "clock_res_get", "emscripten_get_now", "emscripten_date_now"],
  ...["_gmtime_js", "_timegm_js", "_PyEM_TrampolineCall_JS", "can_run_sync_js", "emscripten_get_heap_max"],
]);

/** O_WRONLY, O_RDWR, O_CREAT and O_TRUNC. */
const toWrite = 0o1103;

/** To what memory grows first; Emscripten grows it by a fifth at least. */
const firstGrowth = 64 * 2 ** 20;

export interface GateOptions {
  /** Of Python's memory: a power of two, from 64 MiB. */
  readonly maxMemory: number;
  /** Of what a call prints. */
  readonly maxOutput: number;
}

/**
 * All that WebAssembly can do is what it imports. While Pyodide loads that is what it wants; from then on it is what this gate
 * lets pass, and what it does itself: the rest is refused, whatever way Python found to ask for it. (Beside its imports its
 * table has Emscripten's functions for WebGL and the console, of which the closed realm has neither.)
 */
export class ImportGate {
  readonly #options: GateOptions;
  readonly #outputs: Uint8Array[] = [];
  readonly #errors: Uint8Array[] = [];
  #written = 0;
  /** What may be written, once the gate is shut. */
  #files: ScratchFiles | null = null;
  #entropy = new RandomStream(0);
  #memory: () => Uint8Array = () => new Uint8Array();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** The imports as they pass through the gate; `memory` gives what Python's memory is at the time. */
  around(imports: Imports, memory: () => Uint8Array): Imports {
    this.#memory = memory;
    const own = this.#own(imports);
    const gated = (module: "env" | "wasi_snapshot_preview1") =>
      new Proxy(imports[module] as Record<string, Import>, {
        get: (target, name: string) => {
          const wanted = target[name];
          if (typeof wanted !== "function") return wanted;
          return own[name] ?? (open.has(name) ? wanted : this.#refusable(module, name, wanted));
        },
      });
    return { ...imports, env: gated("env"), wasi_snapshot_preview1: gated("wasi_snapshot_preview1") };
  }

  /** From now on what is not allowed is refused, and nothing is written but these files. */
  shut(files: ScratchFiles): void {
    this.#files = files;
  }

  /** Begins a call: nothing is printed, and what is drawn is drawn from the seed. */
  begin(seed: number): void {
    this.#entropy = new RandomStream(seed);
    this.#outputs.length = 0;
    this.#errors.length = 0;
    this.#written = 0;
  }

  /** What the call printed. */
  get output(): string {
    return textOf(this.#outputs);
  }

  /** What the call said went wrong. */
  get errors(): string {
    return textOf(this.#errors);
  }

  #refusable(module: string, name: string, wanted: Import): Import {
    return (...args) => {
      if (!this.#files) return wanted(...args);
      const allowed = this.#files.calls[name] as Import | undefined;
      if (allowed) return allowed(...args);
      if (module === "wasi_snapshot_preview1" && name !== "proc_exit") return errors.ENOSYS;
      if (name.startsWith("__syscall_")) return -errors.ENOSYS;
      throw new GateError(name);
    };
  }

  /** What the gate does itself, in place of Emscripten's. */
  #own({ env = {}, wasi_snapshot_preview1: wasi = {} }: Imports): Readonly<Record<string, Own>> {
    return {
      __syscall_openat: (folder: number, path: number, flags: number, mode: number) =>
        this.#files && (flags & toWrite) !== 0
          ? this.#files.open(folder, path, flags)
          : env.__syscall_openat?.(folder, path, flags, mode),
      // Memory doubles, so that it ends at its limit just, and the next trajectory, which finds it grown, has no more.
      emscripten_resize_heap: (bytes: number) => {
        const grown = Math.max(firstGrowth, 2 ** Math.ceil(Math.log2(bytes >>> 0)));
        return grown > this.#options.maxMemory ? 0 : env.emscripten_resize_heap?.(grown);
      },
      fd_write: (file: number, parts: number, count: number, written: number) =>
        this.#files && (file === 1 || file === 2)
          ? this.#print(file, parts, count, written)
          : this.#refusal(file, parts, count) || wasi.fd_write?.(file, parts, count, written),
      fd_pwrite: (file: number, parts: number, count: number, place: bigint, written: number) =>
        this.#refusal(file, parts, count, Number(place)) ||
        wasi.fd_pwrite?.(file, parts, count, place, written),
      // There are no sockets.
      _try_fcntl64: () => 0,
      fd_close: (file: number) => (this.#files && file < 3 ? 0 : wasi.fd_close?.(file)),
      random_get: (start: number, count: number) => this.#draw(start >>> 0, count >>> 0),
      // There is no time zone but UTC.
      _localtime_js: (time: bigint, result: number) => {
        env._gmtime_js?.(time, result);
        const [tm_isdst, tm_gmtoff] = [result + 32, result + 36];
        for (const place of [tm_isdst, tm_gmtoff]) this.#view().setInt32(place, 0, true);
      },
      _mktime_js: (time: number) => env._timegm_js?.(time),
      _tzset_js: (offset: number, daylight: number, standardName: number, summerName: number) => {
        for (const place of [offset, daylight]) this.#view().setInt32(place, 0, true);
        for (const place of [standardName, summerName]) this.#memory().set([0x55, 0x54, 0x43, 0], place);
      },
    };
  }

  /** Why a file cannot be written to; 0 where it can. */
  #refusal(file: number, parts: number, count: number, place?: number): number {
    if (!this.#files) return 0;
    let length = 0;
    for (const part of partsAt(this.#memory(), parts, count)) length += part.length;
    return this.#files.refusal(file, length, place);
  }

  /** Keeps what goes to the two streams, up to the limit. */
  #print(file: number, parts: number, count: number, written: number): number {
    const memory = this.#memory();
    let total = 0;
    for (const { start, length } of partsAt(this.#memory(), parts, count)) {
      this.#written += length;
      const { maxOutput } = this.#options;
      if (this.#written > maxOutput) throw new OutputError(`it printed more than ${maxOutput} bytes`);
      if (length > 0) (file === 1 ? this.#outputs : this.#errors).push(memory.slice(start, start + length));
      total += length;
    }
    this.#view().setUint32(written >>> 0, total, true);
    return 0;
  }

  #draw(start: number, count: number): number {
    const memory = this.#memory();
    for (let at = start; at < start + count; at++) memory[at] = this.#entropy.integer(256);
    return 0;
  }

  #view(): DataView {
    return new DataView(this.#memory().buffer);
  }
}

function textOf(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
}
