import { serve } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { VisplayError } from "../common/errors.ts";
import type { EpisodeQuery, Figure } from "../replay/query.ts";
import { promptTurnsOf, templateToolsOf } from "../replay/turns.ts";
import { type Access, guarded } from "./access.ts";
import type { Overview, Problem, RunLine, TextsAnswer } from "./answers.ts";
import { completionsOf } from "./completions.ts";
import { queryOf } from "./filters.ts";
import { Lookups } from "./lookups.ts";
import { pageFile } from "./page_files.ts";
import type { Selection } from "./queries.ts";
import { RunFolders } from "./runs.ts";
import type { Surroundings } from "./surroundings.ts";

export interface InspectorOptions extends Access {
  readonly folders: readonly string[];
  readonly surroundings: Surroundings;
}

/** How often a run that goes on is looked at. */
const LIVE_MS = 1000;

/** Episodes whose heads are given at once. */
const MOST_HEADS = 500;

/** The inspector's answers, apart from the port that it listens on. */
export function inspectorApp(options: InspectorOptions, lookups: Lookups): Hono {
  const app = new Hono();
  const runs = new RunFolders(options.folders);
  const folderOf = (context: Context, name = "run"): string => {
    const key = context.req.param(name) ?? context.req.query(name) ?? "";
    const folder = runs.folder(key);
    if (!folder) throw new VisplayError("usage", `there is no run ${JSON.stringify(key)} here`);
    return folder;
  };
  const selectionOf = (context: Context): Selection => ({
    folder: folderOf(context),
    query: queryOf(paramsOf(context)),
  });
  const signalOf = (context: Context) => context.req.raw.signal;

  app.use(guarded(options));
  app.get("/api/runs", async (context) => {
    const lines = [...runs.list()].map(([key, folder]) => lineOf(key, folder));
    return context.json(await Promise.all(lines));
  });
  app.get("/api/runs/:run", async (context) => {
    const folder = folderOf(context);
    const [told, condition] = await Promise.all([
      lookups.ask("overview", [folder], signalOf(context)),
      options.surroundings.condition(folder),
    ]);
    const { about, ...rest } = told;
    const line = { key: context.req.param("run"), folder, condition, about, problem: null };
    const exporting = options.surroundings.exporting(folder);
    return context.json({ line, exporting, ...rest } satisfies Overview);
  });
  app.get("/api/runs/:run/episodes", async (context) =>
    context.json(await lookups.ask("episodes", [selectionOf(context)], signalOf(context))),
  );
  app.get("/api/runs/:run/order", async (context) => {
    const ids = await lookups.ask("order", [selectionOf(context)], signalOf(context));
    return context.body(ids.buffer as ArrayBuffer, 200, { "Content-Type": "application/octet-stream" });
  });
  app.get("/api/runs/:run/heads", async (context) => {
    const ids = (context.req.query("ids") ?? "").split(",").map(Number).slice(0, MOST_HEADS);
    return context.json(await lookups.ask("heads", [folderOf(context), ids], signalOf(context)));
  });
  app.get("/api/runs/:run/episodes/:id", async (context) => {
    const id = numberIn(context, context.req.param("id"));
    return context.json(await lookups.ask("episode", [folderOf(context), id], signalOf(context)));
  });
  app.get("/api/runs/:run/episodes/:id/texts", async (context) => {
    const folder = folderOf(context);
    const id = numberIn(context, context.req.param("id"));
    const config = await lookups.ask("config", [folder], signalOf(context));
    const { event } = await lookups.ask("episode", [folder, id], signalOf(context));
    const tokens = completionsOf(event).map(({ tokens: ids }) => ids);
    const [template, pieces] = await Promise.all([
      options.surroundings.template(config, promptTurnsOf(event), templateToolsOf(event)),
      options.surroundings.pieces(config, tokens),
    ]);
    return context.json({ template, pieces } satisfies TextsAnswer);
  });
  app.get("/api/runs/:run/sight", async (context) => {
    const { width, height } = context.req.query();
    const size = { width: Number(width), height: Number(height) };
    const config = await lookups.ask("config", [folderOf(context)], signalOf(context));
    return context.json(await options.surroundings.sight(config, size));
  });
  app.get("/api/runs/:run/histogram/:figure", async (context) => {
    const figure = context.req.param("figure") as Figure;
    return context.json(
      await lookups.ask("histogram", [selectionOf(context), figure, 20], signalOf(context)),
    );
  });
  for (const closeness of ["glance", "look"] as const) {
    app.get(`/api/runs/:run/drift/${closeness}`, async (context) =>
      context.json(await lookups.ask("drift", [folderOf(context), closeness], signalOf(context))),
    );
    app.get(`/api/runs/:run/curriculum/:round/${closeness}`, async (context) => {
      const round = numberIn(context, context.req.param("round"));
      const args = [folderOf(context), round, closeness] as const;
      return context.json(await lookups.ask("curriculum", [...args], signalOf(context)));
    });
  }
  app.get("/api/runs/:run/fate", async (context) => {
    const { image = "", question = "" } = context.req.query();
    return context.json(await lookups.ask("fate", [folderOf(context), image, question], signalOf(context)));
  });
  app.get("/api/compare", async (context) => {
    const side = (name: "left" | "right"): Selection => ({
      folder: folderOf(context, name),
      query: sideQuery(paramsOf(context), name),
    });
    const sides = [side("left"), side("right")] as const;
    return context.json(await lookups.ask("comparison", [...sides], signalOf(context)));
  });
  app.get("/api/runs/:run/images/:id", async (context) => {
    const path = await lookups.ask("image", [folderOf(context), context.req.param("id")], signalOf(context));
    if (path === null) return context.json(problem("images", "this image was not stored"), 404);
    const size = context.req.query("size");
    const picture = await options.surroundings.picture(path, size === undefined ? null : Number(size));
    return context.body(picture.bytes as Uint8Array<ArrayBuffer>, 200, {
      "Content-Type": picture.type,
      "Cache-Control": "private, max-age=31536000, immutable",
    });
  });
  app.get("/api/runs/:run/live", (context) => {
    const folder = folderOf(context);
    return streamSSE(context, async (stream) => {
      let last = "";
      while (!stream.aborted && !stream.closed) {
        const [position, condition] = await Promise.all([
          lookups.ask("position", [folder], signalOf(context)),
          options.surroundings.condition(folder),
        ]);
        const data = JSON.stringify({ position, condition });
        if (data !== last) await stream.writeSSE({ data });
        last = data;
        await stream.sleep(LIVE_MS);
      }
    });
  });
  app.get("/*", (context) => {
    const file = pageFile(context.req.path, context.req.header("accept-encoding"));
    if (!file) return context.json(problem("usage", `there is nothing at ${context.req.path}`), 404);
    return context.body(file.bytes as Uint8Array<ArrayBuffer>, 200, file.headers);
  });
  app.notFound((context) => context.json(problem("usage", `there is nothing at ${context.req.path}`), 404));
  app.onError((error, context) => {
    if (!(error instanceof VisplayError)) {
      return context.json(problem("program", error.message), 500);
    }
    return context.json(problem(error.code, error.message), statuses[error.code] ?? 500);
  });
  return app;

  async function lineOf(key: string, folder: string): Promise<RunLine> {
    const condition = await options.surroundings.condition(folder);
    try {
      const { about } = await lookups.ask("overview", [folder]);
      return { key, folder, condition, about, problem: null };
    } catch (error) {
      return { key, folder, condition, about: null, problem: (error as Error).message };
    }
  }
}

const statuses: Readonly<Partial<Record<VisplayError["code"], 400 | 404 | 422>>> = {
  usage: 400,
  notARun: 404,
  images: 422,
  damaged: 422,
};

function problem(code: string, message: string): Problem {
  return { code, message };
}

function paramsOf(context: Context): URLSearchParams {
  return new URL(context.req.url).searchParams;
}

/** `left.round=1` and the like: the query of one side. */
function sideQuery(params: URLSearchParams, side: string): EpisodeQuery {
  const own = [...params].filter(([name]) => name.startsWith(`${side}.`));
  return queryOf(
    new URLSearchParams(own.map(([name, value]): [string, string] => [name.slice(side.length + 1), value])),
  );
}

function numberIn(context: Context, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number)) return number;
  throw new VisplayError(
    "usage",
    `${context.req.path}: found ${JSON.stringify(text)}, expected a whole number`,
  );
}

/** An inspector that listens. */
export interface Inspector extends AsyncDisposable {
  /** With the token, where there is one. */
  readonly address: string;
}

/**
 * Serves the inspector until it is disposed of. Port 0 takes a free one. Throws "usage" where the port is in use, or not
 * to be had.
 */
export async function openInspector(
  options: InspectorOptions & { readonly port: number },
): Promise<Inspector> {
  const { host, port, token } = options;
  const lookups = new Lookups();
  const app = inspectorApp(options, lookups);
  const server = serve({ fetch: app.fetch, hostname: host, port, overrideGlobalObjects: false });
  const listening = new Promise<number>((resolve, reject) => {
    server.on("listening", () => resolve((server.address() as { port: number }).port));
    server.on("error", (cause: NodeJS.ErrnoException) => reject(portError(host, port, cause)));
  });
  try {
    const found = await listening;
    const name = host.includes(":") ? `[${host}]` : host;
    return {
      address: `http://${name}:${found}/${token === null ? "" : `?token=${encodeURIComponent(token)}`}`,
      [Symbol.asyncDispose]: async () => {
        "closeAllConnections" in server && server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        await lookups[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await lookups[Symbol.asyncDispose]();
    throw error;
  }
}

function portError(host: string, port: number, cause: NodeJS.ErrnoException): VisplayError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "another program listens there; choose another with --port, or 0 for a free one",
    EACCES: "this port is not permitted; choose one above 1023 with --port",
    EADDRNOTAVAIL: "this machine has no such address; choose another with --host",
    ENOTFOUND: "there is no such host; choose another with --host",
  };
  const reason = reasons[cause.code ?? ""] ?? cause.message;
  return new VisplayError("usage", `could not listen on ${host}, port ${port}: ${reason}`, { cause });
}
