import type { EngineClient } from "./client.ts";

/** Lets a server delete what was saved under one of its paths; what is gone is gone. */
export async function deleteSaved(client: EngineClient, path: string): Promise<void> {
  const [, model, checkpoint] = /^tinker:\/\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (!model || !checkpoint) return;
  const request = { method: "DELETE", path: `training_runs/${model}/checkpoints/${checkpoint}` } as const;
  await client.call({ ...request, answers: [404, 405] });
}
