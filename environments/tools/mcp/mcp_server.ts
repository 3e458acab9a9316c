import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Tool as ListedTool } from "@modelcontextprotocol/sdk/types.js";
import { VisplayError } from "../../../common/errors.ts";
import { importOptional } from "../../../common/optional_package.ts";
import { release } from "../../../common/release.ts";
import type { TurnPart } from "../../../policy/port.ts";
import { ToolFault } from "../tool.ts";
import { connectionTo } from "./connection.ts";
import { turnPartsOf } from "./mcp_content.ts";

/** What a server may take to start: a package manager may have to bring it first. */
const startLimitMs = 120_000;

/** What it may take to say that it is there. */
const pingLimitMs = 5000;

/** As a timer takes it; whoever calls a tool says how long it may take. */
const noLimitMs = 2 ** 31 - 1;

/** What a server calls itself, and what it can do. */
export interface ToolList {
  readonly name: string;
  readonly tools: readonly ListedTool[];
}

/**
 * A server of the Model Context Protocol, by the command line that starts it or by its address. One that has died is
 * started, or asked for a new session, by the next call.
 */
export class McpServer implements AsyncDisposable {
  readonly #address: string;
  readonly #setting: string;
  #client: Promise<Client> | undefined;
  #isClosed = false;

  /** Starts nothing yet; `setting` is what named it, for messages. */
  constructor(address: string, setting: string) {
    this.#address = address;
    this.#setting = setting;
  }

  /** Starts it, and asks what tools it has. Throws a `VisplayError` of code "config" where it does not start. */
  async list(): Promise<ToolList> {
    try {
      const client = await this.#connect();
      return { name: client.getServerVersion()?.name ?? "mcp", tools: await toolsOf(client) };
    } catch (cause) {
      if (cause instanceof VisplayError) throw cause;
      const found = `no MCP server answers at ${JSON.stringify(this.#address)} (${(cause as Error).message})`;
      const expected = "expected the command line of one, or the address of one that runs";
      throw new VisplayError("config", `${this.#setting}: ${found}; ${expected}`, { cause });
    }
  }

  /** Throws a `ToolFault` "failed" where the tool says so, or the server dies. */
  async call(
    name: string,
    given: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<TurnPart[]> {
    const connecting = this.#connect();
    const client = await connecting;
    try {
      const options = { signal, timeout: noLimitMs };
      return await turnPartsOf(await client.callTool({ name, arguments: given }, undefined, options));
    } catch (error) {
      if (signal.aborted) this.#probe(connecting, client);
      if (signal.aborted || !isBroken(error)) throw error;
      await this.#drop(connecting, client);
      const message = `its server ended (${(error as Error).message}); another call starts it again`;
      throw new ToolFault("failed", message, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  /** The client of a server that runs; calls that come while it starts share it. */
  #connect(): Promise<Client> {
    if (this.#isClosed) throw new ToolFault("failed", "its server was let go");
    if (this.#client) return this.#client;
    const connecting = this.#start();
    this.#client = connecting;
    const forget = () => {
      if (this.#client === connecting) this.#client = undefined;
    };
    connecting.then((client) => {
      client.onclose = forget;
    }, forget);
    return connecting;
  }

  /** Drops a server that no longer even says that it is there. */
  async #probe(connecting: Promise<Client>, client: Client): Promise<void> {
    await client.ping({ timeout: pingLimitMs }).catch(() => this.#drop(connecting, client));
  }

  async #drop(connecting: Promise<Client>, client: Client): Promise<void> {
    if (this.#client === connecting) this.#client = undefined;
    await client.close().catch(() => {});
  }

  async #start(): Promise<Client> {
    const { Client } = await importOptional(
      "@modelcontextprotocol/sdk",
      this.#setting,
      () => import("@modelcontextprotocol/sdk/client/index.js"),
    );
    const client = new Client({ name: "visplay", version: release });
    const { transport, said } = await connectionTo(this.#address);
    try {
      await client.connect(transport, { timeout: startLimitMs });
    } catch (cause) {
      const also = said() === "" ? "" : `; it said: ${said()}`;
      throw new Error(`${(cause as Error).message}${also}`, { cause });
    }
    return client;
  }
}

async function toolsOf(client: Client): Promise<ListedTool[]> {
  const listed: ListedTool[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor }, { timeout: startLimitMs });
    // A tool that only works as a task of its own cannot answer a call.
    listed.push(...page.tools.filter(({ execution }) => execution?.taskSupport !== "required"));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return listed;
}

/** Codes of what a server that lives answers with; all other errors are the connection's. */
const connectionClosed = -32_000;

/** Whether an error says that the server is gone, and not that it refuses a call. */
function isBroken(error: unknown): boolean {
  if (error instanceof ToolFault || error instanceof VisplayError) return false;
  const { name, code } = error as { readonly name?: string; readonly code?: unknown };
  return name !== "McpError" || code === connectionClosed;
}
