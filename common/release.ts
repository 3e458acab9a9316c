import { readFileSync } from "node:fs";

/** Compiled, this file lies a folder deeper. */
const manifest = new URL(
  import.meta.url.endsWith(".ts") ? "../package.json" : "../../package.json",
  import.meta.url,
);

/** The version of this program, such as "1.2.0". */
export const release: string = JSON.parse(readFileSync(manifest, "utf8")).version;
