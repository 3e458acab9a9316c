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
import { dirname, join } from "node:path";
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

/** Makes the inspector's page anew where a source of it, or what it is made with, is not as it was. */
function buildPage() {
  const stamp = join(root, "dist/inspector/page.sha256");
  const inspector = join(root, "inspector");
  const sources = readdirSync(inspector, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  for (const path of sources) hash.update(path.slice(root.length)).update(readFileSync(path));
  const digest = hash.digest("hex");
  const page = join(root, "dist/inspector/page/index.html");
  if (existsSync(page) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const vite = join(root, "node_modules/vite/bin/vite.js");
  run(
    "vite",
    process.execPath,
    [vite, "build", "-c", "inspector/page/vite.config.js"],
    "correct the errors above",
  );
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
  if (!existsSync(join(root, "dist"))) say("compiling TypeScript into dist/");
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  run("tsc", process.execPath, [compiler, "-p", "tsconfig.build.json"], "correct the errors above");
  buildPage();
} else if (!existsSync(join(root, "dist"))) {
  fail("dist/ is missing from this installation; install the package again");
}
