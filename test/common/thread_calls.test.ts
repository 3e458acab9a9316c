import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { ThreadCalls, type ThreadCallsOptions } from "../../common/thread_calls.ts";

/** What the threads of these tests can be asked. */
interface Echo {
  open(refusal: string | null): string;
  /** What came before it, and itself. */
  say(word: unknown): string[];
  exit(code: number): void;
  throws(message: string): void;
  never(): void;
  close(): void;
}
type Note = { readonly kind: "note"; readonly word: string };

const program = `
  const { parentPort } = require("node:worker_threads");
  let heard = [];
  const methods = {
    open: (refusal) => { if (refusal) throw new Error(refusal); return "open"; },
    say: (word) => { const all = [...heard, word]; heard = []; return all; },
    exit: (code) => process.exit(code),
    throws: (message) => setImmediate(() => { throw new Error(message); }),
    close: () => {},
  };
  parentPort.on("message", ({ kind, id, method, args, word }) => {
    if (kind === "note") heard.push(word);
    if (kind === "abort") heard.push("abort " + id);
    if (kind !== "call" || method === "never") return;
    try {
      const result = methods[method](...args);
      if (method !== "throws") parentPort.postMessage({ id, result });
    } catch ({ name, message }) {
      parentPort.postMessage({ id, error: { name, message } });
    }
  });`;

type Calls = ThreadCalls<Echo, Note>;

function start(send?: ThreadCallsOptions<keyof Echo>["send"]): { worker: Worker; calls: Calls } {
  const worker = new Worker(program, { eval: true });
  const options = { name: "the echo", advice: "Shout again", ...(send && { send }) };
  return { worker, calls: new ThreadCalls<Echo, Note>(worker, options) };
}

describe("calls", () => {
  test("arrive in the order in which they were made, however long one takes to send", async () => {
    const { calls } = start(async (call) => {
      if (call.args[0] === "first") await new Promise((resolve) => setTimeout(resolve, 20));
      calls.post({ kind: "note", word: `before ${call.args[0]}` });
      calls.post(call);
    });
    const order: string[] = [];
    const say = async (word: string) => {
      const heard = await calls.call("say", [word]);
      order.push(word);
      return heard;
    };
    expect(await Promise.all([say("first"), say("second")])).toEqual([
      ["before first", "first"],
      ["before second", "second"],
    ]);
    expect(order).toEqual(["first", "second"]);
    await calls[Symbol.asyncDispose]();
  });

  test("that cannot be sent reject alone", async () => {
    const { calls } = start();
    const bad = calls.call("say", [() => {}]);
    const good = calls.call("say", ["good"]);
    await expect(bad).rejects.toMatchObject({ name: "DataCloneError" });
    expect(await good).toEqual(["good"]);
    await calls[Symbol.asyncDispose]();
  });

  test("that are cancelled before they are sent never are; later ones tell the thread", async () => {
    const { calls } = start();
    const controller = new AbortController();
    const under = calls.call("never", [], controller.signal).catch(() => {});
    await calls.call("say", ["sent"]);
    controller.abort();
    const cancelled = { code: "cancelled" };
    await expect(calls.call("say", ["late"], controller.signal)).rejects.toMatchObject(cancelled);
    expect(await calls.call("say", ["next"])).toEqual(["abort 1", "abort 3", "next"]);
    await Promise.all([under, calls[Symbol.asyncDispose]()]);
  });
});

describe("the thread's life", () => {
  test("ends where opening fails", async () => {
    const { worker, calls } = start();
    await expect(calls.open("no room")).rejects.toThrow("no room");
    expect(worker.threadId).toBe(-1);
    const other = start();
    expect(await other.calls.open(null)).toBe("open");
    await other.calls[Symbol.asyncDispose]();
  });

  test("ends by closing, as often as one likes, after which calls reject", async () => {
    const { worker, calls } = start();
    const unsent = calls.call("say", ["under way"]);
    const closed = [calls[Symbol.asyncDispose](), calls[Symbol.asyncDispose]()];
    await expect(unsent).rejects.toMatchObject({ code: "cancelled" });
    await expect(calls.call("say", ["late"])).rejects.toThrow("the echo is closed");
    await Promise.all(closed);
    expect(worker.threadId).toBe(-1);
  });

  test.each<[string, (started: ReturnType<typeof start>) => Promise<unknown>, string]>([
    ["exits", ({ calls }) => calls.call("exit", [3]), "exit code 3"],
    ["throws", ({ calls }) => calls.call("throws", ["boom"]), "boom"],
    [
      "sends what cannot be read",
      ({ worker, calls }) => {
        setTimeout(() => worker.emit("messageerror", new Error("garbled")), 20);
        return calls.call("never", []);
      },
      "a message was unreadable: garbled",
    ],
  ])("where it %s, all calls reject, then and later, and closing still ends it", async (_, die, reason) => {
    const started = start();
    const death = { code: "run", message: `the thread of the echo ended: ${reason}. Shout again` };
    const dying = [die(started), started.calls.call("never", [])];
    for (const end of await Promise.allSettled(dying)) {
      expect(end).toMatchObject({ status: "rejected", reason: death });
    }
    await expect(started.calls.call("say", ["late"])).rejects.toMatchObject(death);
    await started.calls[Symbol.asyncDispose]();
    expect(started.worker.threadId).toBe(-1);
  });
});
