import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { FileSystem } from "./emscripten_files.ts";
import { GateError, ImportGate, type Imports, OutputError } from "./import_gate.ts";
import { MemoryImage, type Pages } from "./memory_image.ts";
import { program, statement } from "./program.ts";
import type { CallResult, SeededCode, Session } from "./python_protocol.ts";
import { type Clock, closeRealm, noon, withFiles } from "./realm.ts";
import { ScratchFiles } from "./scratch_files.ts";

const limits = { maxMemory: 256 * 2 ** 20, maxOutput: 100_000 } as const;
const scratchLimits = { maxBytes: 16 * 2 ** 20, maxEntries: 1000 } as const;
/** A session of more is not kept: its calls run again. */
const maxSessionBytes = 32 * 2 ** 20;
const maxMessage = 500;

/** What is used of Emscripten's module. */
interface PythonModule {
  readonly HEAPU8: Uint8Array;
  readonly FS: FileSystem;
  stringToNewUTF8(text: string): number;
  _PyRun_SimpleString(code: number): number;
  stackSave(): number;
  stackRestore(stack: number): void;
}

/** What Emscripten is told before it makes the module, which is the same object. */
interface ModuleSettings {
  readonly HEAPU8?: Uint8Array;
  instantiateWasm(imports: Imports, receive: unknown): unknown;
}

const untouched: Pages = { numbers: new Uint32Array(), bytes: new Uint8Array() };

/** Python that forgets whatever it did after each call, and begins each from where it is told. */
export class Interpreter {
  /** SHA-256 of the memory that each trajectory begins with. */
  readonly digest: string;
  readonly #python: PythonModule;
  readonly #gate: ImportGate;
  readonly #clock: Clock;
  readonly #image: MemoryImage;
  readonly #files: ScratchFiles;
  readonly #stack: number;

  private constructor(python: PythonModule, gate: ImportGate, clock: Clock) {
    this.#python = python;
    this.#gate = gate;
    this.#clock = clock;
    this.#files = new ScratchFiles(python.FS, () => python.HEAPU8, scratchLimits);
    gate.shut(this.#files);
    this.#stack = python.stackSave();
    this.#image = new MemoryImage(python.HEAPU8);
    this.digest = createHash("sha256").update(python.HEAPU8).digest("hex");
  }

  /** Loads Python into this thread, which can do nothing else from then on. */
  static async load(): Promise<Interpreter> {
    const folder = `${dirname(fileURLToPath(import.meta.resolve("pyodide")))}/`;
    const clock = closeRealm();
    const gate = new ImportGate(limits);
    const python = await withFiles(() => loadModule(folder, gate));
    if (!execute(python, program)) throw new Error("Python did not begin");
    const interpreter = new Interpreter(python, gate, clock);
    // WebAssembly compiles what it meets first, which is no call's to wait for.
    interpreter.run([{ code: "1 + 1", seed: 0 }], null);
    return interpreter;
  }

  /** Runs codes, one after the other, from where a session stands, or from the beginning; what comes of the last. */
  run(codes: readonly SeededCode[], session: Session | null): CallResult {
    this.#image.restore(this.#python.HEAPU8, session?.pages ?? untouched);
    this.#files.restore(session?.files);
    this.#clock.now = session?.now ?? noon;
    try {
      for (const code of codes)
        if (!this.#perform(code)) return { fault: "failed", message: short(this.#gate.errors) };
      return { text: this.#gate.output, session: this.#session() };
    } catch (error) {
      return faultOf(error);
    }
  }

  /** Whether code ran to its end. Files that it left open are closed: no session has them. */
  #perform({ code, seed }: SeededCode): boolean {
    this.#gate.begin(seed);
    try {
      return execute(this.#python, statement(code));
    } finally {
      this.#python.stackRestore(this.#stack);
      this.#files.closeAll();
    }
  }

  #session(): Session | null {
    const pages = this.#image.difference(this.#python.HEAPU8, maxSessionBytes);
    return pages && { pages, files: this.#files.state(), now: this.#clock.now };
  }
}

/** Pyodide, of which nothing is used but its Python: what it has for JavaScript is shut out by the gate. */
async function loadModule(folder: string, gate: ImportGate): Promise<PythonModule> {
  const { loadPyodide } = await import("pyodide");
  const { default: createModule } = await import(`${folder}pyodide.asm.mjs`);
  const options = {
    indexURL: folder,
    jsglobals: {},
    stdin: () => null,
    env: { HOME: "/", PYTHONHASHSEED: "0" },
    createPyodideModule(settings: ModuleSettings) {
      const instantiate = settings.instantiateWasm;
      const memory = () => settings.HEAPU8 as Uint8Array;
      settings.instantiateWasm = (imports, receive) => instantiate(gate.around(imports, memory), receive);
      return createModule(settings);
    },
  };
  const { _module } = (await loadPyodide(options as never)) as unknown as { readonly _module: PythonModule };
  return _module;
}

/** Whether code ran to its end. */
function execute(python: PythonModule, code: string): boolean {
  return python._PyRun_SimpleString(python.stringToNewUTF8(code)) === 0;
}

/** What ended Python itself, in words. */
function faultOf(error: unknown): CallResult {
  if (error instanceof OutputError) return { fault: "tooLarge", message: error.message };
  if (error instanceof GateError) return { fault: "failed", message: error.message };
  if (error instanceof RangeError && error.message.includes("call stack"))
    return { fault: "failed", message: "it called itself too deeply" };
  return { fault: "failed", message: `Python ended: ${short(String(error))}` };
}

/** The end of a text, where its reason stands. */
function short(text: string): string {
  return text.length > maxMessage ? `…${text.slice(-maxMessage)}` : text;
}
