import * as z from "zod";
import { VisplayError } from "../../common/errors.ts";
import type { EngineClient } from "./client.ts";
import { EngineRefusal } from "./failures.ts";
import { AnySchema, type ServerModels, ServerModelsSchema } from "./json.ts";

/** The version of the Python package whose schema is spoken; servers may refuse one that is too old. */
const apiVersion = "0.38.0";

/** How a session's requests are written. */
export interface WireForm {
  /** Whether passes through the model are asked for in protobuf, as since 0.25; null until a server has taken one. */
  isProtobuf: boolean | null;
  /** Whether these are compressed by zstd. */
  readonly compresses: boolean;
}

const SessionSchema = z.object({ session_id: z.string(), error_message: z.string().nullish() });
const ConfigSchema = z.object({ proto_compress_fwdbwd: z.boolean().default(false) });

/** Far below the five minutes after which a server lets go of what nobody asks about. */
const heartbeatMs = 30_000;

/** What models and samplers of one client on a server belong to; kept alive by heartbeats until it is disposed. */
export class EngineSession implements AsyncDisposable {
  readonly client: EngineClient;
  readonly id: string;
  readonly wire: WireForm;
  #models = 0;
  #samplers = 0;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(client: EngineClient, id: string, compresses: boolean) {
    this.client = client;
    this.id = id;
    this.wire = { isProtobuf: null, compresses };
    // One that is not heard is made up for by the next; what is lost is known by the requests about it.
    const beat = () => client.post("session_heartbeat", heartbeatOf(id), AnySchema).catch(() => {});
    this.#heartbeat = setInterval(beat, heartbeatMs).unref();
  }

  /** Throws "engine" where the server cannot be reached, knows no such key, or wants another version. */
  static async open(client: EngineClient, name: string, signal?: AbortSignal): Promise<EngineSession> {
    const request = { tags: [name], sdk_version: apiVersion, type: "create_session" };
    const { session_id, error_message } = await client.post("create_session", request, SessionSchema, signal);
    if (error_message)
      throw new VisplayError("engine", `the engine at ${client.address.url} says: ${error_message}`);
    const config = await client
      .post("client/config", { sdk_version: apiVersion }, ConfigSchema, signal)
      .catch((error) => {
        if (error instanceof EngineRefusal && [404, 405].includes(error.status)) return null;
        throw error;
      });
    return new EngineSession(client, session_id, config?.proto_compress_fwdbwd ?? false);
  }

  /** Models, and samplers, are numbered by those who ask for them: one that is asked for twice is made once. */
  nextModel(): number {
    return this.#models++;
  }

  nextSampler(): number {
    return this.#samplers++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
  }
}

function heartbeatOf(id: string): { readonly session_id: string; readonly type: "session_heartbeat" } {
  return { session_id: id, type: "session_heartbeat" };
}

/** The models that a server has. */
export function serverModels(client: EngineClient, signal?: AbortSignal): Promise<ServerModels> {
  return client.get("get_server_capabilities", ServerModelsSchema, signal);
}
