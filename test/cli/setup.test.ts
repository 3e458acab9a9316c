import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const wanted = {
  "": { version: "0.1.0" },
  "node_modules/zod": { version: "4.6.7", integrity: "sha512-a" },
  "node_modules/@img/other-platform": { version: "1.0.0", integrity: "sha512-b", optional: true },
};
const { "node_modules/zod": zod } = wanted;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "visplay-setup-"));
  cpSync("bin/setup.js", join(root, "bin/setup.js"));
  write("package.json", { type: "module" });
  write("tsconfig.build.json", {});
  write("package-lock.json", { packages: wanted });
  // Stand-ins that note that they ran.
  write("path/npm", `#!/bin/sh\nprintf "npm $1 " >> ran`);
  write("node_modules/typescript/bin/tsc", `require("fs").appendFileSync("ran", "tsc ")`);
  write("inspector/page/index.html", "");
  const page = "dist/inspector/page";
  const makesPage = `fs.mkdirSync("${page}", { recursive: true }); fs.writeFileSync("${page}/index.html", "")`;
  write(
    "node_modules/vite/bin/vite.js",
    `const fs = require("fs"); fs.appendFileSync("ran", "vite "); ${makesPage}`,
  );
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, content: unknown): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content);
  writeFileSync(path, text, { mode: 0o755 });
}

function setUp() {
  const env = { ...process.env, PATH: join(root, "path") + delimiter + process.env.PATH };
  const { status, stderr } = spawnSync(process.execPath, [join(root, "bin/setup.js")], {
    env,
    encoding: "utf8",
  });
  const ran = existsSync(join(root, "ran")) ? readFileSync(join(root, "ran"), "utf8") : "";
  return { status, said: stderr, ran: ran.trim() };
}

const installed = (packages: object) => write("node_modules/.package-lock.json", { packages });

test("a fresh clone is installed and compiled, and says so", () => {
  const { status, said, ran } = setUp();
  expect({ status, ran }).toEqual({ status: 0, ran: "npm ci tsc vite" });
  expect(said).toMatch(/installing dependencies \(npm ci\).*compiling TypeScript/s);
});

test("where all is as the lock file says, it compiles in silence; other platforms' packages may be absent", () => {
  installed({ "node_modules/zod": zod });
  mkdirSync(join(root, "dist"));
  expect(setUp()).toEqual({ status: 0, said: "", ran: "tsc vite" });
});

test.each([
  ["another version", { "node_modules/zod": { ...zod, version: "4.0.0" } }],
  ["another content", { "node_modules/zod": { ...zod, integrity: "sha512-c" } }],
  ["a missing package", {}],
])("%s is installed anew", (_, packages) => {
  installed(packages);
  expect(setUp().ran).toBe("npm ci tsc vite");
});

test("a failing compiler is shown and fails", () => {
  installed({ "node_modules/zod": zod });
  write("node_modules/typescript/bin/tsc", `console.log("a.ts(1,1): error"); process.exit(2)`);
  const { status, said } = setUp();
  expect(status).toBe(1);
  expect(said).toMatch(/a\.ts\(1,1\): error.*tsc failed; correct the errors above/s);
});

test("a missing lock file and an installation without dist/ are errors that say what to do", () => {
  rmSync(join(root, "package-lock.json"));
  expect(setUp()).toMatchObject({
    status: 1,
    said: expect.stringContaining("git checkout package-lock.json"),
  });
  rmSync(join(root, "tsconfig.build.json"));
  expect(setUp()).toMatchObject({ status: 1, said: expect.stringContaining("dist/ is missing") });
});
