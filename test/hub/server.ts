import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How the content of a file goes wrong on its way. */
export type Fault = "cut" | "short" | "long" | "changed";

export const commit = "0123456789abcdef0123456789abcdef01234567";

/**
 * A hub with one repository, the model "owner/model" and the data set "owner/data", whose files may go wrong, on a port of
 * this machine.
 */
export class HubServer implements AsyncDisposable {
  files: Record<string, Buffer>;
  faults: Record<string, Fault> = {};
  /** Sizes that the list of files gives instead of the true ones, in bytes. */
  sizes: Record<string, number> = {};
  /** Of the data set; all mean one commit. */
  revisions: readonly string[] = ["main"];
  /** Answers every request with this status. */
  status: number | undefined;
  /** Paths asked for, with the token that came along. */
  readonly requests: { readonly path: string; readonly token: string | undefined }[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));

  private constructor(files: Record<string, Buffer>) {
    this.files = files;
  }

  static async start(files: Record<string, Buffer>): Promise<HubServer> {
    const hub = new HubServer(files);
    await new Promise<void>((resolve) => {
      hub.#server.listen(0, "127.0.0.1", resolve);
    });
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #answer({ url = "", headers }: IncomingMessage, response: ServerResponse): void {
    const path = url.replace(/\?.*/, "");
    this.requests.push({ path, token: headers.authorization });
    const file = decodeURIComponent(
      path.replace(new RegExp(`^(/owner/model|/datasets/owner/data)/resolve/${commit}/`), ""),
    );
    const ofData = /^\/api\/datasets\/owner\/data\/revision\/(.+)$/.exec(path)?.[1];
    if (this.status !== undefined) response.writeHead(this.status).end();
    else if (path === "/api/models/owner/model/revision/main") json(response, { sha: commit });
    else if (ofData && this.revisions.includes(decodeURIComponent(ofData))) json(response, { sha: commit });
    else if (path === `/api/models/owner/model/tree/${commit}`) json(response, this.#tree());
    else if (path === `/api/datasets/owner/data/tree/${commit}`) json(response, this.#tree());
    else if (this.files[file]) this.#send(file, headers.range, response);
    else response.writeHead(404).end();
  }

  #tree(): object[] {
    return Object.entries(this.files).map(([path, content]) => {
      const size = this.sizes[path] ?? content.length;
      const oid = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
      const lfs = { oid: createHash("sha256").update(content).digest("hex"), size, pointerSize: 130 };
      return { type: "file", path, size, oid, ...(path.endsWith(".safetensors") ? { lfs } : {}) };
    });
  }

  #send(path: string, range: string | undefined, response: ServerResponse): void {
    const content = this.files[path] as Buffer;
    response.setHeader("etag", `"${path}"`);
    if (range) {
      response.writeHead(206, { "content-range": `bytes 0-0/${content.length}` }).end(content.subarray(0, 1));
      return;
    }
    switch (this.faults[path]) {
      case "cut":
        response.writeHead(200, { "content-length": content.length });
        response.write(content.subarray(0, -5), () => response.destroy());
        return;
      case "short":
        response.end(content.subarray(0, -5));
        return;
      case "long":
        response.end(Buffer.concat([content, Buffer.alloc(5)]));
        return;
      case "changed":
        response.end(Buffer.from(content).fill(0, 5));
        return;
      default:
        response.end(content);
    }
  }
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}
