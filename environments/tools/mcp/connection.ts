import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { shellWords } from "../../../common/shell_word.ts";

/** How to speak with a server. */
export interface Connection {
  readonly transport: Transport;
  /** The last of what it has written to its error stream. */
  said(): string;
}

/** Characters of a server's error stream that are kept. */
const keptSaid = 1000;

/** What leads to a server at an address, or starts one by a command line, with this process's environment. */
export async function connectionTo(address: string): Promise<Connection> {
  if (/^https?:\/\//.test(address)) {
    const { StreamableHTTPClientTransport } = await import(
      "@modelcontextprotocol/sdk/client/streamableHttp.js"
    );
    const transport = new StreamableHTTPClientTransport(new URL(address)) as Transport;
    return { transport, said: () => "" };
  }
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const [command = "", ...args] = shellWords(address);
  const env = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const transport = new StdioClientTransport({
    command,
    args,
    env: Object.fromEntries(env),
    stderr: "pipe",
  });
  let said = "";
  transport.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-keptSaid);
  });
  return { transport, said: () => said.trim() };
}
