import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

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
  write("path/npm", `#!/bin/sh\nprintf "npm $1 " >> ran`);
  write("node_modules/typescript/bin/tsc", standIn("tsc", "dist/cli/main.js"));
  write("node_modules/vite/bin/vite.js", standIn("vite", "dist/inspector/page/index.html"));
  write("cli/main.ts", "main");
  write("cli/other.ts", "other");
  write("inspector/page/index.html", "page");
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, content: unknown): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content);
  writeFileSync(path, text, { mode: 0o755 });
}

/** A program that notes that it ran and makes a file. */
function standIn(name: string, made: string): string {
  return `const fs = require("fs"); fs.appendFileSync("ran", "${name} ");
    fs.mkdirSync("${dirname(made)}", { recursive: true }); fs.writeFileSync("${made}", "")`;
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

describe("what is built already", () => {
  const otherSource = () => join(root, "cli/other.ts");

  beforeEach(() => {
    installed({ "node_modules/zod": zod });
    expect(setUp().ran).toBe("tsc vite");
    rmSync(join(root, "ran"));
  });

  test.each<[string, () => void]>([
    ["nothing changed", () => {}],
    ["a source has another time", () => utimesSync(otherSource(), 1, 1)],
    ["a run in the checkout wrote", () => write("here/status.json", { step: 1 })],
  ])("stays where %s", (_, change) => {
    change();
    expect(setUp()).toEqual({ status: 0, said: "", ran: "" });
  });

  test.each<[string, () => void]>([
    ["a source changed", () => write("cli/other.ts", "OTHER")],
    [
      "a source of the same time and length changed",
      () => {
        const { atime, mtime } = statSync(otherSource());
        write("cli/other.ts", "OTHER");
        utimesSync(otherSource(), atime, mtime);
      },
    ],
    ["a source was added", () => write("cli/new.ts", "")],
    ["a folder of sources was added", () => write("new/deep/one.ts", "")],
    ["a source was deleted", () => rmSync(otherSource())],
    ["a source was renamed", () => renameSync(otherSource(), join(root, "cli/renamed.ts"))],
    ["the page changed", () => write("inspector/page/index.html", "PAGE")],
    ["the compiler's settings changed", () => write("tsconfig.build.json", { include: [] })],
    ["the program is gone", () => rmSync(join(root, "dist/cli/main.js"))],
    ["the page is gone", () => rmSync(join(root, "dist/inspector/page/index.html"))],
  ])("is built anew where %s", (_, change) => {
    change();
    expect(setUp()).toMatchObject({ status: 0, ran: "tsc vite" });
  });

  test("is tried again after a build that failed, even with the sources of one that did not", () => {
    const compiler = "node_modules/typescript/bin/tsc";
    const works = readFileSync(join(root, compiler), "utf8");
    write("cli/other.ts", "error");
    write(compiler, "process.exit(2)");
    expect(setUp().status).toBe(1);
    write("cli/other.ts", "other");
    write(compiler, works);
    expect(setUp()).toMatchObject({ status: 0, ran: "tsc vite" });
    expect(setUp().ran).toBe("tsc vite");
  });
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
