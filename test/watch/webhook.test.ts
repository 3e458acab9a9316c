import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { VisplayError } from "../../common/errors.ts";
import { Webhook, type WebhookMessage, type WebhookOptions } from "../../watch/webhook.ts";
import { alarm, at, finished, phaseStarted } from "../fakes/run_events.ts";

let server: Server;
let received: WebhookMessage[];
let warnings: string[];
/** The status of the next answers; none is no answer at all, drip is one that never gets further than its first bytes. */
let answers: (number | "none" | "drip")[];

beforeEach(async () => {
  received = [];
  warnings = [];
  answers = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push(JSON.parse(body));
    const answer = answers.shift() ?? 200;
    if (answer === "drip") request.socket.write("HTTP/1.1 200 OK\r\nx-slow: ");
    else if (answer !== "none") response.writeHead(answer, { location: "/elsewhere" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function open(change: Partial<WebhookOptions> = {}): Webhook {
  const hook = new Webhook({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=secret`,
    stallMinutes: 0,
    timeoutMs: 5000,
    warn: (line) => warnings.push(line),
    ...change,
  });
  hook.about("runs/a");
  return hook;
}

const kinds = () => received.map(({ event }) => event);

describe("a webhook", () => {
  test("hears of the start, of alarms and of the end, in order", async () => {
    const hook = open();
    for (const body of [phaseStarted(0, "evaluation"), alarm, phaseStarted(1, "questioner"), finished]) {
      hook.apply(at(1, body));
    }
    await hook[Symbol.asyncDispose]();
    expect(kinds()).toEqual(["start", "collapse", "finish"]);
    expect(received[1]).toMatchObject({
      run: "runs/a",
      text: "visplay runs/a: round 1, reasoner: one answer to everything",
    });
    expect(received[1]?.atMs).toBeGreaterThan(1.6e12);
    expect(warnings).toEqual([]);
  });

  test.each([
    ["crash", new TypeError("bug")],
    ["crash", new VisplayError("disk", "full")],
    ["nan", new VisplayError("numeric", "the loss is NaN")],
    ["stop", new VisplayError("cancelled", "stopped")],
  ])("hears of a %s, once", async (kind, error) => {
    const hook = open();
    if (error instanceof VisplayError && error.code !== "cancelled") {
      hook.apply(at(1, { type: "runFailed", code: error.code, message: error.message }));
    }
    hook.fail(error);
    await hook[Symbol.asyncDispose]();
    expect(kinds().filter((each) => each !== "start")).toEqual([kind]);
    expect(received.at(-1)?.text).toContain(error.message);
  });

  test("hears of a stall once, and again after news", async () => {
    const hook = open({ stallMinutes: 0.05 / 60 });
    await vi.waitFor(() => expect(kinds()).toEqual(["stall"]), 10_000);
    hook.apply(at(1, phaseStarted(1, "questioner")));
    await vi.waitFor(() => expect(kinds()).toEqual(["stall", "start", "stall"]), 10_000);
    await hook[Symbol.asyncDispose]();
  });
});

describe("a receiver", () => {
  test("that fails once gets the message again", async () => {
    answers = [500, 200];
    const hook = open();
    hook.apply(at(1, finished));
    await hook[Symbol.asyncDispose]();
    expect(kinds()).toEqual(["start", "start", "finish"]);
    expect(warnings).toEqual([]);
  });

  test("that fails twice costs one warning, which does not tell the URL", async () => {
    answers = [500, 503, 500, 500];
    const hook = open();
    hook.apply(at(1, finished));
    await hook[Symbol.asyncDispose]();
    expect(warnings).toEqual(['webhook: "start" was answered with 503; the run goes on']);
    expect(kinds()).toEqual(["start", "start", "finish", "finish"]);
  });

  test("that does not answer is given up after the timeout", async () => {
    answers = ["none", "none"];
    const hook = open({ timeoutMs: 400 });
    const begunMs = performance.now();
    hook.apply(at(1, finished));
    expect(performance.now() - begunMs).toBeLessThan(200);
    await hook[Symbol.asyncDispose]();
    expect(performance.now() - begunMs).toBeLessThan(4000);
    expect(warnings).toEqual(['webhook: "start" did not arrive: no answer in time; the run goes on']);
    expect(kinds().at(-1)).toBe("finish");
  });

  test.each(["none", "drip"] as const)(
    "that hangs (%s) is not waited for at the end of a run",
    async (how) => {
      answers = [how, how, how, how];
      const hook = open({ timeoutMs: 1e9 });
      hook.apply(at(1, finished));
      await hook[Symbol.asyncDispose]();
      expect(kinds()).toEqual(["start"]);
    },
    20_000,
  );

  test("that sends elsewhere is not followed", async () => {
    answers = [307, 307];
    const hook = open();
    hook.apply(at(1, finished));
    await hook[Symbol.asyncDispose]();
    expect(warnings).toEqual([
      'webhook: "start" was answered with 307, a redirect, which is not followed; the run goes on',
    ]);
    expect(kinds()).toEqual(["start", "start", "finish"]);
  });

  test("that refuses the connection is named by its error", async () => {
    const hook = open();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    hook.apply(at(1, finished));
    await hook[Symbol.asyncDispose]();
    expect(warnings).toEqual(['webhook: "start" did not arrive: ECONNREFUSED; the run goes on']);
  });

  test("that is too slow for many messages gets the last ones", async () => {
    answers = ["none", "none"];
    const hook = open({ timeoutMs: 400 });
    for (let i = 0; i < 40; i++) {
      hook.apply(at(1, { ...(alarm as Extract<typeof alarm, { type: "alarm" }>), message: `alarm ${i}` }));
    }
    hook.apply(at(1, finished));
    await vi.waitFor(() => expect(kinds()).toContain("finish"), 10_000);
    await hook[Symbol.asyncDispose]();
    expect(received.length).toBeLessThan(20);
    expect(received.at(-2)?.text).toContain("alarm 39");
  });
});
