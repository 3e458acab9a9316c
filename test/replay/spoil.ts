import { closeSync, openSync, writeSync } from "node:fs";
import { Database } from "../../replay/sqlite.ts";

/** Writes nonsense over a page with rows of a table or an index: the last one, or the one in the middle. */
export function spoil(path: string, name: string, which: "last" | "middle" = "last"): void {
  using database = Database.forReading(path);
  const sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno";
  const pages = database.prepare(sql).all<{ pageno: number }>([name]);
  const page = which === "last" ? pages.at(-1) : pages[pages.length >> 1];
  if (!page) throw new Error(`${name} has no page`);
  const size = database.value<number>("PRAGMA page_size") as number;
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(size, 0xee), 0, size, (page.pageno - 1) * size);
  closeSync(file);
}
