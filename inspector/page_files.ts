import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** The page, as Vite made it: `bin/setup.js` puts it beside the compiled server. */
const folder = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../dist/inspector/page" : "./page", import.meta.url),
);

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

interface PageFile {
  readonly bytes: Uint8Array;
  readonly headers: Record<string, string>;
}

let files: ReadonlyMap<string, { readonly plain: Uint8Array; readonly packed: Uint8Array }> | undefined;

/** A file of the page by its path in addresses; undefined where there is none. */
export function pageFile(path: string, encodings: string | undefined): PageFile | undefined {
  files ??= readFiles();
  const name = path === "/" ? "/index.html" : path;
  const file = files.get(name);
  if (!file) return undefined;
  const packs = encodings?.includes("gzip") ?? false;
  return {
    bytes: packs ? file.packed : file.plain,
    headers: {
      "Content-Type": types[extname(name)] ?? "application/octet-stream",
      Vary: "Accept-Encoding",
      ...(packs && { "Content-Encoding": "gzip" }),
      // Names of all but the page itself change with their content.
      ...(name !== "/index.html" && { "Cache-Control": "private, max-age=31536000, immutable" }),
    },
  };
}

/** The page's script and style as texts, for one file that holds all. */
export function pageTexts(): { readonly script: string; readonly style: string } {
  files ??= readFiles();
  const text = (extension: string) =>
    [...(files ?? [])]
      .filter(([name]) => extname(name) === extension)
      .map(([, { plain }]) => new TextDecoder().decode(plain))
      .join("\n");
  return { script: text(".js"), style: text(".css") };
}

function readFiles(): NonNullable<typeof files> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => extname(name) in types,
  );
  return new Map(
    names.map((name) => {
      const plain = readFileSync(join(folder, name));
      return [`/${name.replaceAll("\\", "/")}`, { plain, packed: gzipSync(plain) }];
    }),
  );
}
