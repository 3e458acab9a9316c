import { existsSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createJiti } from "jiti";
import { VisplayError } from "./errors.ts";

const typeScript = [".ts", ".mts"];
const javaScript = [".js", ".mjs", ".cjs"];

/** Extensions of modules. */
export const moduleKinds: readonly string[] = [...typeScript, ...javaScript];

/**
 * The function that a user's own module exports by default. TypeScript is compiled as it is loaded, on any Node; types are
 * not checked. `setting` is what named the module, for people. Throws a `VisplayError` of code "config" where there is no
 * such file, it can't be loaded, or exports no function.
 */
export async function loadFunction(path: string, setting: string): Promise<(argument: unknown) => unknown> {
  const file = resolve(path);
  if (!moduleKinds.includes(extname(file)))
    throw new VisplayError(
      "config",
      `${setting}: found ${path}, expected a module (${moduleKinds.join(", ")})`,
    );
  if (!existsSync(file)) throw new VisplayError("config", `${setting}: there is no file ${file}`);
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await load(file);
  } catch (cause) {
    throw new VisplayError("config", `${setting}: ${path} cannot be loaded: ${messageOf(cause)}`, { cause });
  }
  const { default: main } = exports;
  if (typeof main === "function") return main as (argument: unknown) => unknown;
  const names = Object.keys(exports).join(", ") || "nothing";
  const found = "default" in exports ? `a default of type ${typeof main}` : names;
  throw new VisplayError(
    "config",
    `${setting}: ${path} exports ${found}, expected a function, as in "export default (…) => …"`,
  );
}

function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  const url = pathToFileURL(file).href;
  if (javaScript.includes(extname(file))) return import(url);
  return createJiti(url, { fsCache: false }).import(file);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.trim().replace(/\s*\n\s*/g, " ") : String(cause);
}
