import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { createServer, get, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Inspector, type InspectorOptions, openInspector } from "../../inspector/server.ts";
import { plainEpisode } from "../replay/events.ts";
import { type WrittenReplay, writeReplay } from "./replays.ts";

const surroundings: InspectorOptions["surroundings"] = {
  condition: async () => "running",
  exporting: () => ({ command: "visplay export-curriculum", formats: ["jsonl"] }),
  picture: async () => ({ bytes: new Uint8Array([1, 2, 3]), type: "image/png" }),
  pieces: async () => null,
  template: async () => null,
  sight: async () => null,
};

let replay: WrittenReplay;
let open: Inspector;
let guarded: Inspector;
const start = (changes: Partial<InspectorOptions & { port: number }> = {}) =>
  openInspector({
    folders: [replay.folder],
    host: "127.0.0.1",
    token: null,
    port: 0,
    surroundings,
    ...changes,
  });
beforeAll(async () => {
  replay = await writeReplay([plainEpisode(), plainEpisode()]);
  open = await start();
  guarded = await start({ token: "a secret & more" });
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await guarded[Symbol.asyncDispose]();
  await replay[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** As any program might ask, also what browsers and fetch do not let one say. */
async function ask(
  address: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { hostname, port, pathname, search } = new URL(address);
  const asked = request({ hostname, port, path: pathname + search, ...options }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

describe("who may ask", () => {
  test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])(
    "%s is refused, since it only reads",
    async (method) => {
      const { status, text } = await ask(open.address, { method });
      expect([status, text]).toEqual([405, expect.stringContaining(`found ${method}`)]);
    },
  );

  test.each([
    "evil.example",
    "evil.example:80",
    "127.0.0.1.evil.example",
    "192.0.2.1",
    "0.0.0.0",
    "localhost.evil",
  ])("under the name %s nobody is answered", async (host) => {
    for (const path of ["", "api/runs"])
      expect((await ask(`${open.address}${path}`, { headers: { host } })).status).toBe(403);
  });

  test.each(["localhost", "127.0.0.1", "127.0.0.9", "[::1]"])(
    "under the name %s it answers",
    async (name) => {
      const host = `${name}:${new URL(open.address).port}`;
      expect((await ask(open.address, { headers: { host } })).status).toBe(200);
    },
  );

  test.each<Record<string, string>>([
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
  ])("another page is refused: %j", async (headers) => {
    expect((await ask(`${open.address}api/runs`, { headers })).status).toBe(403);
  });

  test("whoever knows the token gets a cookie, others nothing", async () => {
    const plain = guarded.address.replace(/\?.*/, "");
    expect((await ask(plain)).status).toBe(401);
    expect((await ask(`${plain}?token=a`)).status).toBe(401);
    expect((await ask(`${plain}api/runs`, { headers: { cookie: "visplay-inspector=a" } })).status).toBe(401);
    const { status, headers } = await ask(guarded.address);
    const [cookie = ""] = headers["set-cookie"] ?? [];
    expect([status, cookie]).toEqual([200, expect.stringMatching(/HttpOnly.*SameSite=Strict/i)]);
    const known = await ask(`${plain}api/runs`, { headers: { cookie: cookie.split(";")[0] ?? "" } });
    expect(known.status).toBe(200);
  });
});

describe("an answer", () => {
  test.each(["", "api/runs", "api/nothing", "api/runs/x/images/y", "../../package.json"])(
    "to %j says what a browser may do with it",
    async (path) => {
      const { headers } = await ask(`${open.address}${path}`);
      expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'/);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["referrer-policy"]).toBe("no-referrer");
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    },
  );

  test.each([
    ["api/runs/other", 400, "there is no run"],
    ["api/nothing", 404, "there is nothing at"],
    ["%2e%2e/%2e%2e/package.json", 404, "there is nothing at"],
    ["api/runs/KEY/episodes?reward=much", 400, "ranges.reward"],
    ["api/runs/KEY/episodes/many", 400, "expected a whole number"],
    ["api/runs/KEY/episodes/77", 400, "event 77 is no episode"],
    ["api/runs/KEY/histogram/nothing", 400, "part:NAME"],
    ["api/runs/KEY/histogram/part:nothing", 400, "no part:nothing"],
    ["api/runs/KEY/images/..%2f..%2freplay.db", 404, "not stored"],
  ])("to %s is %i: %s", async (path, status, message) => {
    const found = await ask(`${open.address}${path.replace("KEY", keyOf(replay.folder))}`);
    expect([found.status, JSON.parse(found.text).message]).toEqual([
      status,
      expect.stringContaining(message),
    ]);
  });
});

const keyOf = (folder: string) => encodeURIComponent(folder.split("/").at(-1) ?? "");

describe("what goes wrong around it", () => {
  test("a port in use is named, with what to do", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(start({ port })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(new RegExp(`port ${port}: .*--port`)),
    });
    other.close();
  });

  test("a folder that was removed is said to be gone, and served again once it is back", async () => {
    const parent = await mkdtemp(join(tmpdir(), "visplay-removed-"));
    const folder = join(parent, "run");
    await cp(replay.folder, folder, { recursive: true });
    await using inspector = await start({ folders: [folder] });
    const path = `${inspector.address}api/runs/run`;
    expect((await ask(path)).status).toBe(200);
    await rm(folder, { recursive: true });
    const gone = await ask(path);
    expect([gone.status, JSON.parse(gone.text)]).toEqual([
      404,
      { code: "notARun", message: expect.stringContaining("there is no such folder") },
    ]);
    await cp(replay.folder, folder, { recursive: true });
    expect((await ask(path)).status).toBe(200);
    await rm(parent, { recursive: true });
  });

  test("a visitor that goes away in the middle leaves it answering", async () => {
    for (const path of ["order", "live", "episodes?text=red"]) {
      const asked = get(`${open.address}api/runs/${keyOf(replay.folder)}/${path}`);
      asked.on("error", () => {});
      if (path === "live") await once(asked, "response");
      asked.destroy();
    }
    expect((await ask(`${open.address}api/runs`)).status).toBe(200);
  });
});

test("a run that goes on says how far it is, and how it ended", async () => {
  const asked = get(`${open.address}api/runs/${keyOf(replay.folder)}/live`);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.setEncoding("utf8");
  const next = async () => JSON.parse(((await once(response, "data")) as [string])[0].replace(/^data: /, ""));
  expect(await next()).toEqual({ position: 2, condition: "running" });
  replay.writer.append([plainEpisode()]);
  expect(await next()).toEqual({ position: 3, condition: "running" });
  asked.destroy();
});
