import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { turnPartsOf } from "../../../environments/tools/mcp/mcp_content.ts";
import { type McpTools, openMcpTools } from "../../../environments/tools/mcp/mcp_tools.ts";
import { closeTools } from "../../../environments/tools/tool.ts";
import { ToolRunner } from "../../../environments/tools/tool_runner.ts";
import { isImagePart } from "../../../policy/prompts.ts";
import { pngHeader } from "../../fakes/png_header.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay mcp "));
afterAll(() => rmSync(folder, { recursive: true }));

/** A server that nobody here wrote. */
const everything = resolve("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
const setting = "stages.0.tools.use.0.mcp";

async function serve(
  address: string,
): Promise<McpTools & AsyncDisposable & { answer: ReturnType<typeof ask> }> {
  const opened = await openMcpTools(address, setting);
  return { ...opened, answer: ask(opened), [Symbol.asyncDispose]: () => closeTools(opened.tools) };
}

const ask =
  ({ tools }: McpTools, timeLimitMs = 30_000) =>
  (name: string, given: object) => {
    const context = { images: [], before: [], seed: 0, signal: new AbortController().signal };
    return new ToolRunner(tools, { timeLimitMs, maxText: 10_000, maxPixels: 1_000_000 }).answer(
      { name, arguments: given },
      context,
    );
  };

describe("a server by its command line", () => {
  test("gives its tools with their schemas, and they answer with text and pictures", async () => {
    await using server = await serve(`${process.execPath} ${everything}`);
    const { tools, answer } = server;
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["echo", "get-sum", "get-tiny-image"]));
    expect(tools.find(({ name }) => name === "get-sum")?.parameters).toMatchObject({
      type: "object",
      properties: { a: { type: "number" }, b: { type: "number" } },
      required: ["a", "b"],
    });
    expect(server.prefix).toMatch(/^[\w.-]+_$/);
    expect(await answer("echo", { message: "ä \" 'x'" })).toEqual({
      fault: null,
      parts: ["Echo: ä \" 'x'"],
    });
    expect((await answer("get-sum", { a: 2, b: 40 })).parts[0]).toMatch(/\b42\b/);
    const { parts } = await answer("get-tiny-image", {});
    expect(parts.map((part) => typeof part)).toEqual(["string", "object", "string"]);
    const [picture] = parts.filter(isImagePart);
    expect([picture?.width, picture?.height]).toEqual([20, 20]);
  }, 60_000);

  test("says what is wrong: arguments by their schema, failures by the server", async () => {
    await using server = await serve(`${process.execPath} ${everything}`);
    expect(await server.answer("get-sum", { a: 2 })).toMatchObject({ fault: "wrongArguments" });
    expect(
      await server.answer("get-resource-reference", { resourceType: "Text", resourceId: -1 }),
    ).toMatchObject({
      fault: "failed",
    });
    const long = { duration: 30, steps: 1 };
    const late = ask(server, 300)("trigger-long-running-operation", long);
    expect(await late).toMatchObject({ fault: "timedOut" });
    expect(await server.answer("echo", { message: "on" })).toMatchObject({ fault: null });
  }, 60_000);

  /** The command line of the server, and what process it is at the time. */
  function mortal(): { readonly command: string; pid(): number } {
    const program = join(folder, "mortal server.mjs");
    const pidFile = join(folder, "pid");
    writeFileSync(
      program,
      `import { writeFileSync } from "node:fs";
       writeFileSync(process.argv[2], String(process.pid));
       process.argv.length = 2;
       await import(${JSON.stringify(everything)});`,
    );
    const command = `${process.execPath} '${program}' "${pidFile}"`;
    return { command, pid: () => Number(readFileSync(pidFile, "utf8")) };
  }

  test("starts again where it died, and only the calls that were under way are lost", async () => {
    const { command, pid } = mortal();
    await using server = await serve(command);
    expect(await server.answer("echo", { message: "1" })).toMatchObject({ fault: null });
    const first = pid();
    const broken = [1, 2].map(() =>
      server.answer("trigger-long-running-operation", { duration: 60, steps: 1 }),
    );
    await server.answer("echo", { message: "2" });
    process.kill(first, "SIGKILL");
    for (const each of await Promise.all(broken))
      expect(each).toEqual({
        fault: "failed",
        parts: [expect.stringMatching(/its server ended .*starts it again/)],
      });
    const after = await Promise.all([3, 4].map((n) => server.answer("echo", { message: String(n) })));
    expect(after.map(({ parts }) => parts)).toEqual([["Echo: 3"], ["Echo: 4"]]);
    expect(pid()).not.toBe(first);
  }, 60_000);

  test("starts again where it no longer answers", async () => {
    const { command, pid } = mortal();
    await using server = await serve(command);
    const first = pid();
    process.kill(first, "SIGSTOP");
    const impatient = ask(server, 300);
    expect(await impatient("echo", { message: "1" })).toMatchObject({ fault: "timedOut" });
    await vi.waitFor(
      async () => expect(await impatient("echo", { message: "2" })).toMatchObject({ fault: null }),
      { timeout: 30_000, interval: 500 },
    );
    expect(pid()).not.toBe(first);
  }, 60_000);

  test("is not given up for a call that nobody waits for any more", async () => {
    const { command, pid } = mortal();
    await using server = await serve(command);
    const first = pid();
    const tool = server.tools.find(({ name }) => name === "echo");
    const context = { images: [], before: [], seed: 0, signal: AbortSignal.abort(new Error("stopped")) };
    await expect(tool?.run({ message: "1" }, context)).rejects.toThrow("stopped");
    expect(await server.answer("echo", { message: "2" })).toMatchObject({ fault: null });
    expect(pid()).toBe(first);
  }, 60_000);

  test.each([
    ["that is not there", "no-such-program --now", /ENOENT/],
    [
      "that ends at once",
      `${process.execPath} -e "console.error('no key was set'); process.exit(1)"`,
      /Connection closed; it said: no key was set/,
    ],
  ])(
    "%s is refused as it is opened",
    async (_, address, message) => {
      await expect(openMcpTools(address, setting)).rejects.toMatchObject({
        code: "config",
        message: expect.stringMatching(message),
      });
      await expect(openMcpTools(address, setting)).rejects.toThrow(
        /^stages.0.tools.use.0.mcp: no MCP server answers at /,
      );
    },
    60_000,
  );
});

describe("a server by its address", () => {
  const children: ChildProcess[] = [];
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  async function start(port: number): Promise<ChildProcess> {
    const env = { ...process.env, PORT: String(port) };
    const child = spawn(process.execPath, [everything, "streamableHttp"], { env });
    children.push(child);
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (text: Buffer) => /listening/i.test(text.toString()) && resolve());
      child.once("exit", () => reject(new Error("it ended")));
    });
    return child;
  }

  test("answers, and is found again once somebody started it anew", async () => {
    const port = await freePort();
    const first = await start(port);
    await using server = await serve(`http://localhost:${port}/mcp`);
    expect(await server.answer("echo", { message: "hello" })).toEqual({
      fault: null,
      parts: ["Echo: hello"],
    });
    first.kill("SIGKILL");
    await new Promise((resolve) => first.once("exit", resolve));
    expect(await server.answer("echo", { message: "lost" })).toMatchObject({ fault: "failed" });
    await start(port);
    expect(await server.answer("echo", { message: "back" })).toEqual({ fault: null, parts: ["Echo: back"] });
  }, 60_000);

  test("is refused where nothing listens", async () => {
    await expect(openMcpTools(`http://localhost:${await freePort()}/mcp`, setting)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/no MCP server answers at "http:/),
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a picture that would take all memory is not shown", async () => {
  const data = pngHeader(60_000, 60_000).toString("base64");
  await expect(
    turnPartsOf({ content: [{ type: "image", data, mimeType: "image/png" }] }),
  ).rejects.toMatchObject({
    kind: "tooLarge",
    message: expect.stringContaining("60000x60000 = 3600000000 pixels"),
  });
});
