#!/usr/bin/env node
/**
 * Makes a checkout ready to run: node_modules/ as package-lock.json says, dist/ as the sources say.
 * Plain JavaScript without dependencies, because it runs before there are any. npm scripts and bin/visplay.js
 * call it each time; where nothing changed it says nothing and takes a fraction of a second. With --clean, dist/ is made
 * anew: a package must not hold what sources that are gone were compiled to.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wantedNode = [20, 19];

/** Ends the process where Node is too old to load the rest. */
function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = wantedNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(
    `found Node ${process.versions.node}, but ${wantedNode.join(".")} or newer is needed: https://nodejs.org`,
  );
}

/** Whether everything that the lock file asks for is installed in just that version. */
function dependenciesMatch() {
  const lock = packagesOf("package-lock.json");
  const installed = packagesOf("node_modules/.package-lock.json");
  if (!lock)
    fail("package-lock.json is missing or unreadable; restore it with `git checkout package-lock.json`");
  if (!installed) return false;
  return Object.entries(lock).every(([path, wanted]) => {
    if (path === "") return true;
    const found = installed[path];
    if (!found) return Boolean(wanted.optional); // made for another platform
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Runs a command quietly; its output is shown, and the process ends, only if it fails. */
function run(name, command, args, remedy) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    shell: process.platform === "win32" && command === "npm",
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ""}${stderr ?? ""}`);
  fail(`${name} failed${error ? ` (${error.message})` : ""}; ${remedy}`);
}

/** What dist/ is made from: its sources and what says how they are compiled, by content. */
function digestOfSources() {
  const hash = createHash("sha256");
  for (const path of sources().sort()) hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest("hex");
}

/**
 * Files relative to the checkout: settings at its top, TypeScript wherever the compiler looks for it, and all of the
 * inspector. Not JSON in other folders, for a run may lie in one and write.
 */
function sources() {
  const other = new Set(["dist", "docs", "models", "node_modules", "runs", "test"]);
  return readdirSync(root, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(".") && !other.has(name))
    .flatMap((entry) => {
      if (!entry.isDirectory()) return entry.name.endsWith(".json") ? [entry.name] : [];
      const wanted = entry.name === "inspector" ? /\.\w+$/ : /\.ts$/;
      return readdirSync(join(root, entry.name), { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile() && wanted.test(file.name))
        .map((file) => relative(root, join(file.parentPath, file.name)));
    });
}

/** Compiles the sources and makes the inspector's page, which bundles some of them, where they are not as they were. */
function build() {
  const stamp = join(root, "dist/sources.sha256");
  const made = ["dist/cli/main.js", "dist/inspector/page/index.html"];
  const digest = digestOfSources();
  const isMade = made.every((file) => existsSync(join(root, file)));
  if (isMade && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  rmSync(stamp, { force: true });
  if (!existsSync(join(root, "dist"))) say("compiling TypeScript into dist/");
  const tools = join(root, "node_modules");
  const tsc = [join(tools, "typescript/bin/tsc"), "-p", "tsconfig.build.json"];
  run("tsc", process.execPath, tsc, "correct the errors above");
  const vite = [join(tools, "vite/bin/vite.js"), "build", "-c", "inspector/page/vite.config.js"];
  run("vite", process.execPath, vite, "correct the errors above");
  writeFileSync(stamp, digest);
}

function say(message) {
  process.stderr.write(`visplay setup: ${message}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}

requireNode();
if (existsSync(join(root, "tsconfig.build.json"))) {
  if (!dependenciesMatch()) {
    say("installing dependencies (npm ci), about a minute");
    run(
      "npm ci",
      "npm",
      ["ci", "--no-audit", "--no-fund"],
      "check the network and the registry, then try again",
    );
  }
  if (process.argv.includes("--clean")) rmSync(join(root, "dist"), { recursive: true, force: true });
  build();
} else if (!existsSync(join(root, "dist"))) {
  fail("dist/ is missing from this installation; install the package again");
}
