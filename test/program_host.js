/**
 * Runs commands of the built program that its parent sends, `{args, cwd, env}`, one after another, and answers each with
 * `{code, stdout, stderr}`, what `dist/cli/main.js` ends with and says. A command that leaves something running, which
 * would keep its process from ending, is answered with a code of `null` and what is left. `residentBytes` says how large
 * the process has become.
 */
import { setImmediate } from "node:timers/promises";
import { runCommand } from "../dist/cli/program.js";
import { keepNoImages } from "../dist/images/libvips.js";

const patienceMs = 10_000;
/** Threads that hold a process. */
let threads = 0;

/** How many there are of each kind of what holds a process; a thread is not among what Node lists. */
function holding() {
  const counts = new Map([["Worker", threads]]);
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  // A read of a file ends by itself.
  for (const name of ["Immediate", "FileHandleReadWrap"]) counts.delete(name);
  return counts;
}

/** What holds this process beyond `idle` once it had time to end, as at the end of a process. */
async function left(idle) {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const names = [...holding()]
      .filter(([name, count]) => count > (idle.get(name) ?? 0))
      .map(([name]) => name);
    if (names.length === 0 || performance.now() > endMs) return names;
    await setImmediate();
  }
}

/** What work gives, and what it wrote to a stream. */
async function captured(stream, work) {
  const chunks = [];
  const { write } = stream;
  stream.write = (chunk, ...rest) => {
    chunks.push(Buffer.from(chunk));
    const written = rest.find((each) => typeof each === "function");
    if (written) queueMicrotask(() => written());
    return true;
  };
  try {
    const given = await work();
    return [given, Buffer.concat(chunks).toString()];
  } finally {
    stream.write = write;
  }
}

async function perform({ args, cwd, env }) {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  const idle = holding();
  const [[code, stderr], stdout] = await captured(process.stdout, () =>
    captured(process.stderr, () => runCommand(args)),
  );
  const names = await left(idle);
  if (names.length === 0) return { code, stdout, stderr };
  return { code: null, stdout, stderr: `${stderr}\nstill there: ${names.join(", ")}` };
}

keepNoImages();
process.on("worker", (worker) => {
  threads++;
  worker.once("exit", () => threads--);
});
process.on("message", async (command) => {
  const outcome = await perform(command);
  process.send({ ...outcome, residentBytes: process.memoryUsage.rss() });
});
