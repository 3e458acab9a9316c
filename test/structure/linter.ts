import { basename, dirname } from "node:path/posix";
import { inside, roomOf, rooms, usersOf } from "./rooms.ts";

/** The table of rooms as Biome reads it: the same rules, seen while one writes. */
export function linterRules(): string {
  const folders = [...new Set([...Object.keys(rooms), ...Object.values(usersOf).flat()])].sort();
  return `${JSON.stringify({ overrides: folders.map((folder) => override(folder, folders)) }, null, 2)}\n`;
}

/** The rule for one folder, without those in it that have a rule of their own. */
function override(folder: string, folders: readonly string[]) {
  const nested = folders.filter((other) => other !== folder && inside(other, folder));
  const room = roomOf(folder) as string;
  const allowed = rooms[room] ?? [];
  const message = `${folder} imports only ${["itself", ...allowed].join(", ")}; see test/structure/rooms.ts`;
  const options = {
    patterns: [{ group: [...forbiddenFolders(room), ...forbiddenPackages(folder)], message }],
  };
  return {
    includes: [`${folder}/**`, ...nested.map((other) => `!${other}/**`)],
    linter: { rules: { style: { noRestrictedImports: { level: "error", options } } } },
  };
}

/** By their last name, which no two have in common; a room around another by its files, as that one sees them. */
function forbiddenFolders(room: string): string[] {
  const allowed = [room, ...(rooms[room] ?? [])];
  const hidden = Object.keys(rooms).filter((other) => !allowed.some((name) => inside(name, other)));
  const around = dirname(room);
  const upstairs = around !== "." && !allowed.includes(around) ? ["../*.ts"] : [];
  return [`**/{${hidden.map((other) => basename(other)).join()}}/**`, ...upstairs];
}

function forbiddenPackages(folder: string): string[] {
  const mayUse = (name: string) => usersOf[name]?.some((user) => inside(folder, user));
  return Object.keys(usersOf).flatMap((name) => (mayUse(name) ? [] : [name, `${name}/**`]));
}
