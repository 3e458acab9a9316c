import { VisplayError } from "../../common/errors.ts";
import type { EngineClient } from "./client.ts";
import { sayUnreachable } from "./failures.ts";

/** Lets a server delete what was saved under one of its paths; what is gone is gone. */
export async function deleteSaved(client: EngineClient, path: string): Promise<void> {
  const place = placeOf(path);
  if (place) await client.call({ method: "DELETE", path: place, answers: [404, 405] });
}

/**
 * The archive, a tar file that may be compressed, of an adapter that was saved under a path. Where the server names another
 * place for it, that is not told the key. Throws "engine" where there is none.
 */
export async function downloadAdapter(client: EngineClient, path: string): Promise<Uint8Array> {
  const place = placeOf(path);
  const answers = [302, 303, 307, 308, 404, 405];
  const answer = place && (await client.call({ method: "GET", path: `${place}/archive`, answers }));
  if (answer && answer.status === 200) return answer.bytes;
  const { address } = client;
  if (answer && answer.location !== null) {
    const response = await fetch(new URL(answer.location, address.url)).catch((error: unknown) => {
      throw new VisplayError("engine", `${path}: ${sayUnreachable(error, address)}`, { cause: error });
    });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  }
  throw new VisplayError(
    "engine",
    `the engine at ${address.url} gives no archive of ${path}; take it with the engine's own tools, by that path`,
  );
}

function placeOf(path: string): string | null {
  const [, model, checkpoint] = /^tinker:\/\/([^/]+)\/(.+)$/.exec(path) ?? [];
  return model && checkpoint ? `training_runs/${model}/checkpoints/${checkpoint}` : null;
}
