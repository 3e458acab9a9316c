import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VisplayError } from "../../common/errors.ts";
import type { LocalPolicyOptions } from "../../policy/embedded/local_policy.ts";
import { Backend, type Flaws, Refused, type Snapshot, temporaryFolder } from "./backend.ts";
import { type AdamParams, type RequestBodies, readBody, readPass, readPassBody } from "./requests.ts";
import { passResult, sampleResult } from "./results.ts";
import { tarOf } from "./tar.ts";

/** What goes wrong on the way of one request. */
export type WireFault =
  /** The connection breaks before the server sees it. */
  | "unheard"
  /** It is carried out, and the answer is lost. */
  | "unanswered"
  /** 429, 503 and 425. */
  | "busy"
  | "broken"
  | "early"
  /** It comes only after a while. */
  | "slow";

export interface DoubleOptions {
  /** The model that it serves, under its name. */
  readonly folder: string;
  readonly baseModel: string;
  readonly policy: LocalPolicyOptions;
  readonly key?: string;
  /** Whether it reads and writes protobuf (default true). */
  readonly speaksProtobuf?: boolean;
  /** Whether there is a route by which results are polled together (default true). */
  readonly pollsTogether?: boolean;
  readonly dropsImages?: Flaws["dropsImages"];
  /** Models that there may be at once (default any number). */
  readonly models?: number;
  /** Which parameters of AdamW are ignored; default none. */
  readonly ignores?: readonly (keyof AdamParams)[];
}

interface Model {
  readonly backend: Backend;
  readonly base: string;
  /** Requests by their numbers, and the futures that they became. */
  readonly requests: Map<number, string>;
}

type Outcome = { readonly value: unknown; readonly proto?: Uint8Array } | { readonly failure: string };

/** A Tinker-API server that checks what it is sent, and whose models are local policies of this program. */
export class EngineDouble implements AsyncDisposable {
  readonly options: DoubleOptions;
  /** What goes wrong with the next requests of a path: each is taken once. */
  readonly faults: { readonly path: string; readonly fault: WireFault }[] = [];
  /** What was asked, in order. */
  readonly asked: string[] = [];
  /** Optimiser steps that were taken, of all models. */
  steps = 0;
  readonly deleted: string[] = [];
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>;
  readonly #saved = new Map<string, string>();
  #server: Server;
  #port = 0;
  #models = new Map<string, Model>();
  /** Those of models that were unloaded: their graphs are compiled. */
  readonly #idle: Backend[] = [];
  #samplers = new Map<
    string,
    { readonly snapshot: Snapshot; readonly backend: Backend; finished: string[] }
  >();
  #futures = new Map<string, Promise<Outcome>>();
  #count = 0;
  /** Models are asked one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(options: DoubleOptions, folder: Awaited<ReturnType<typeof temporaryFolder>>) {
    this.options = options;
    this.#folder = folder;
    this.#server = this.#create();
  }

  static async start(options: DoubleOptions): Promise<EngineDouble> {
    const double = new EngineDouble(options, await temporaryFolder());
    await double.#listen();
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Paths under which weights are saved. */
  get saved(): readonly string[] {
    return [...this.#saved.keys()];
  }

  /** Stops and comes back: with all that it had, or with nothing but what was saved. */
  async restart(has: "all" | "saved"): Promise<void> {
    await this.#close();
    if (has === "saved") {
      await this.#work.catch(() => {});
      this.#idle.push(...[...this.#models.values()].map(({ backend }) => backend));
      this.#models = new Map();
      this.#samplers = new Map();
      this.#futures = new Map();
    }
    this.#server = this.#create();
    await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await this.#work.catch(() => {});
    const backends = [...this.#idle, ...[...this.#models.values()].map(({ backend }) => backend)];
    for (const backend of backends) await backend[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  #create(): Server {
    return createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => {
        if (!response.headersSent) json(response, 500, { detail: `${error.stack}` });
      });
    });
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").replace(/^\/api\/v1\//, "");
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = new Uint8Array(Buffer.concat(parts));
    if (this.options.key && request.headers["x-api-key"] !== this.options.key)
      return json(response, 401, { detail: "invalid API key" });
    const fault = this.#faultOf(path);
    if (fault === "unheard") return void response.destroy();
    if (fault === "busy") return json(response, 429, { detail: "too many requests" }, { "retry-after": "0" });
    if (fault === "broken") return json(response, 503, { detail: "overloaded" });
    if (fault === "early") return json(response, 425, { detail: "not ready" });
    if (fault === "slow") await sleep(300);
    this.asked.push(path);
    const isProtobuf = request.headers["content-type"] === "application/x-protobuf";
    const takesProtobuf = request.headers.accept === "application/x-protobuf" && this.#speaksProtobuf;
    const answer = await this.#carryOut(path, body, isProtobuf, takesProtobuf, request.method ?? "");
    if (fault === "unanswered") return void response.destroy();
    const { status = 200, value, proto, file } = answer;
    if (file) return void response.writeHead(200, { "content-type": "application/gzip" }).end(file);
    if (proto === undefined) return json(response, status, value);
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end(proto);
  }

  get #speaksProtobuf(): boolean {
    return this.options.speaksProtobuf ?? true;
  }

  #faultOf(path: string): WireFault | undefined {
    const at = this.faults.findIndex((each) => each.path === path);
    return at < 0 ? undefined : this.faults.splice(at, 1)[0]?.fault;
  }

  async #carryOut(
    path: string,
    bytes: Uint8Array,
    isProtobuf: boolean,
    takesProtobuf: boolean,
    method: string,
  ): Promise<{
    readonly status?: number;
    readonly value?: unknown;
    readonly proto?: Uint8Array;
    readonly file?: Uint8Array;
  }> {
    const text = isProtobuf ? "" : new TextDecoder().decode(bytes);
    const read = <P extends keyof RequestBodies>(route: P) => readBody(route, text);
    try {
      switch (path) {
        case "get_server_capabilities":
          return { value: { supported_models: [{ model_name: this.options.baseModel }] } };
        case "create_session":
          read("create_session");
          return { value: { type: "create_session", session_id: `session-${this.#count++}` } };
        case "client/config":
          read("client_config");
          return { value: {} };
        case "session_heartbeat":
          read("session_heartbeat");
          return { value: { type: "session_heartbeat" } };
        case "create_model":
          return this.#future(null, 0, () => this.#createModel(read("create_model").base_model));
        case "unload_model":
          return await this.#unload(read("unload_model").model_id);
        case "forward":
        case "forward_backward":
          return this.#pass(isProtobuf, bytes, text);
        case "optim_step": {
          const { model_id, seq_id, adam_params } = read("optim_step");
          return this.#future(model_id, seq_id, async ({ backend }) => {
            const gradientNorm = await backend.step(adam_params);
            this.steps++;
            return { value: { metrics: { "skyrl.ai/grad_norm": gradientNorm } } };
          });
        }
        case "save_weights": {
          const { model_id, seq_id, path: name } = read("save_weights");
          return this.#future(model_id, seq_id, async ({ backend }) => {
            const saved = `tinker://${model_id}/weights/${name}`;
            const folder = join(this.#folder.path, `${this.#saved.size}`);
            await backend.save(folder);
            this.#saved.set(saved, folder);
            return { value: { path: saved, type: "save_weights" } };
          });
        }
        case "save_weights_for_sampler":
          return this.#publish(read("save_weights_for_sampler"));
        case "load_weights": {
          const { model_id, seq_id, path: from, optimizer } = read("load_weights");
          if (seq_id !== 1)
            return { status: 400, value: { detail: "load_weights is not the first request" } };
          return this.#future(model_id, seq_id, async ({ backend }) => {
            const folder = this.#saved.get(from);
            if (!folder) throw new Refused(`nothing is saved as ${from}`);
            await backend.load(folder, optimizer);
            return { value: { path: from, type: "load_weights" } };
          });
        }
        case "asample":
          return this.#sample(read("asample"));
        case "retrieve_future":
          return await this.#retrieve(read("retrieve_future").request_id, takesProtobuf);
        case "retrieve_futures":
          return await this.#finished(read("retrieve_futures"));
        default:
          if (method === "GET" && path.endsWith("/archive")) return await this.#archive(path);
          return method === "DELETE" ? this.#delete(path) : { status: 404, value: { detail: "Not Found" } };
      }
    } catch (error) {
      return { status: 422, value: { detail: (error as Error).message } };
    }
  }

  /** A request about a model, carried out once for each number. */
  #future(modelId: string | null, sequence: number, work: (model: Model) => Promise<Outcome>) {
    const model = modelId === null ? null : this.#models.get(modelId);
    if (model === undefined) return { status: 404, value: { detail: `model ${modelId} not found` } };
    const known = model?.requests.get(sequence);
    const id = known ?? `request-${this.#count++}`;
    if (known === undefined) {
      model?.requests.set(sequence, id);
      const done = this.#work.then(() => work(model as Model));
      this.#work = done.catch(() => {});
      this.#futures.set(id, done.catch(failureOf));
    }
    return { value: { future_id: id, request_id: id, status: "pending", model_id: modelId } };
  }

  async #createModel(base: string): Promise<Outcome> {
    const { baseModel, folder, policy, dropsImages = null, models = Number.POSITIVE_INFINITY } = this.options;
    if (base !== baseModel) throw new Refused(`the base model ${base} is not served; there is ${baseModel}`);
    if (this.#models.size >= models) throw new Refused(`this server holds ${models} adapters`);
    const id = `model-${this.#count++}`;
    const idle = this.#idle.pop();
    idle?.reset();
    const flaws = { dropsImages, ignores: this.options.ignores ?? [] };
    const backend = idle ?? (await Backend.open(folder, policy, flaws));
    this.#models.set(id, { backend, base, requests: new Map() });
    return { value: { model_id: id, type: "create_model" } };
  }

  async #unload(id: string) {
    const model = this.#models.get(id);
    if (!model) return { status: 404, value: { detail: `model ${id} not found` } };
    await this.#work.catch(() => {});
    this.#models.delete(id);
    for (const [session, { backend }] of this.#samplers)
      if (backend === model.backend) this.#samplers.delete(session);
    this.#idle.push(model.backend);
    return { value: { model_id: id } };
  }

  #pass(isProtobuf: boolean, bytes: Uint8Array, text: string) {
    if (isProtobuf && !this.#speaksProtobuf) return { status: 422, value: { detail: "expected JSON" } };
    const pass = isProtobuf ? readPass(bytes) : readPassBody(text);
    return this.#future(pass.modelId, pass.sequence, async ({ backend }) => {
      const logProbs = await backend.pass(pass.data, pass.loss, pass.forwardOnly);
      return passResult(logProbs);
    });
  }

  #publish(request: RequestBodies["save_weights_for_sampler"]) {
    return this.#future(request.model_id, request.seq_id, async ({ backend }) => {
      const snapshot = backend.snapshot();
      if (request.path === undefined) {
        const session = `sampler-${this.#count++}`;
        this.#samplers.set(session, { snapshot, backend, finished: [] });
        return { value: { path: null, sampling_session_id: session } };
      }
      const saved = `tinker://${request.model_id}/sampler_weights/${request.path}`;
      const folder = join(this.#folder.path, `${this.#saved.size}`);
      await backend.save(folder);
      this.#saved.set(saved, folder);
      return { value: { path: saved } };
    });
  }

  #sample(request: RequestBodies["asample"]) {
    const sampler = this.#samplers.get(request.sampling_session_id);
    if (!sampler) return { status: 404, value: { detail: "no such sampling session" } };
    const { max_tokens, seed, stop, temperature, top_k, top_p } = request.sampling_params;
    const answer = this.#future(null, 0, async () => {
      const sampling = { samples: request.num_samples, maxTokens: max_tokens, seed, stop };
      const rest = { temperature, topK: top_k, topP: top_p };
      return sampleResult(
        await sampler.backend.sample(request.prompt, sampler.snapshot, { ...sampling, ...rest }),
      );
    });
    const id = answer.value.request_id as string;
    this.#futures.get(id)?.then(() => sampler.finished.push(id));
    return answer;
  }

  async #retrieve(id: string, takesProtobuf: boolean) {
    const future = this.#futures.get(id);
    if (!future) return { status: 404, value: { detail: `future ${id} not found` } };
    const outcome = await Promise.race([future, sleep(200, null, { ref: false })]);
    if (outcome === null) return { status: 408, value: { type: "try_again", queue_state: "active" } };
    if ("failure" in outcome) return { status: 400, value: { detail: outcome.failure } };
    return takesProtobuf && outcome.proto ? { proto: outcome.proto } : { value: outcome.value };
  }

  async #finished({ target, prev_cursor }: RequestBodies["retrieve_futures"]) {
    if (this.options.pollsTogether === false) return { status: 404, value: { detail: "Not Found" } };
    const { finished = [] } = this.#samplers.get(target.sampling_session_id) ?? {};
    for (let waited = 0; finished.length === prev_cursor && waited < 20; waited++) await sleep(10);
    const completions = finished.slice(prev_cursor).map((request_id) => ({ state: "finished", request_id }));
    return { value: { completions, cursor: prev_cursor + completions.length } };
  }

  async #archive(path: string) {
    const [, model, checkpoint] = /^training_runs\/([^/]+)\/checkpoints\/(.+)\/archive$/.exec(path) ?? [];
    const folder = this.#saved.get(`tinker://${model}/${checkpoint}`);
    return folder ? { file: await tarOf(folder) } : { status: 404, value: { detail: "no such checkpoint" } };
  }

  #delete(path: string) {
    const [, model, checkpoint] = /^training_runs\/([^/]+)\/checkpoints\/(.+)$/.exec(path) ?? [];
    const saved = `tinker://${model}/${checkpoint}`;
    if (!this.#saved.delete(saved)) return { status: 404, value: { detail: "no such checkpoint" } };
    this.deleted.push(saved);
    return { status: 204 };
  }
}

function failureOf(error: Error): Outcome {
  if (error instanceof Refused || error instanceof VisplayError) return { failure: error.message };
  return { failure: error.stack ?? error.message };
}

function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(body === undefined ? "" : JSON.stringify(body));
}
