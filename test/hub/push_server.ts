import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A data set as a hub keeps it. */
interface Repository {
  readonly private: boolean;
  readonly files: Map<string, Buffer>;
  readonly commits: string[][];
}

export const token = "hf_secret";

/** A hub that takes uploads of whoever has the token: creation, preupload, LFS and commits, as the hub's API has them. */
export class PushServer implements AsyncDisposable {
  readonly repositories: Map<string, Repository> = new Map();
  /** Paths that are answered with a status. */
  readonly faults: Map<RegExp, number> = new Map();
  readonly #objects = new Map<string, Buffer>();
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });

  static async start(): Promise<PushServer> {
    const hub = new PushServer();
    await new Promise<void>((resolve) => {
      hub.#server.listen(0, "127.0.0.1", resolve);
    });
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(name: string, isPrivate: boolean): Repository {
    const repository = { private: isPrivate, files: new Map(), commits: [] };
    this.repositories.set(name, repository);
    return repository;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").replace(/\?.*/, "");
    const body = await buffer(request);
    const fault = [...this.faults].find(([pattern]) => pattern.test(path))?.[1];
    const json = (value: object): void => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    const fail = (status: number): void => {
      response.writeHead(status).end();
    };
    const stored = /^\/storage\/(\w+)$/.exec(path)?.[1];
    if (fault) return fail(fault);
    // What is stored is addressed by a link that is its own permission.
    if (stored) {
      const isRight = createHash("sha256").update(body).digest("hex") === stored;
      if (isRight) this.#objects.set(stored, body);
      return fail(isRight ? 200 : 400);
    }
    if (request.headers.authorization !== `Bearer ${token}`) return fail(401);
    if (path === "/api/repos/create") {
      const { organization, name, type, visibility } = JSON.parse(body.toString());
      const repo = `${organization}/${name}`;
      if (type !== "dataset") return fail(400);
      if (this.repositories.has(repo)) return fail(409);
      this.add(repo, visibility === "private");
      return json({ url: `${this.url}/datasets/${repo}`, id: repo });
    }
    const [, name = "", what] =
      /^(?:\/api)?\/datasets\/(\w+\/[\w-]+?)(?:\.git)?\/(revision|tree|preupload|info|commit)\//.exec(path) ??
      [];
    const repository = this.repositories.get(name);
    if (!repository) return fail(404);
    if (what === "revision") return json({ id: name, private: repository.private, lastModified: 0 });
    if (what === "tree")
      return json(
        [...repository.files].map(([path, { length: size }]) => ({ type: "file", path, size, oid: "0" })),
      );
    if (what === "preupload") {
      const { files } = JSON.parse(body.toString());
      const modeOf = (path: string) => (/\.(parquet|tar|png)$/.test(path) ? "lfs" : "regular");
      return json({ files: files.map(({ path }: { path: string }) => ({ path, uploadMode: modeOf(path) })) });
    }
    if (what === "info") {
      const { objects } = JSON.parse(body.toString());
      const upload = ({ oid, size }: { oid: string; size: number }) => ({
        oid,
        size,
        actions: { upload: { href: `${this.url}/storage/${oid}` } },
      });
      return json({ transfer: "basic", objects: objects.map(upload) });
    }
    return this.#commit(repository, body.toString(), json, fail);
  }

  #commit(
    { files, commits }: Repository,
    lines: string,
    json: (value: object) => void,
    fail: (status: number) => void,
  ): void {
    const paths: string[] = [];
    for (const line of lines.split("\n")) {
      const { key, value } = JSON.parse(line);
      if (key === "header") continue;
      const content =
        key === "lfsFile" ? this.#objects.get(value.oid) : Buffer.from(value.content, value.encoding);
      if (!content) {
        fail(422);
        return;
      }
      files.set(value.path, content);
      paths.push(value.path);
    }
    commits.push(paths);
    json({ commitOid: "0".repeat(40), commitUrl: this.url, hookOutput: "" });
  }
}
