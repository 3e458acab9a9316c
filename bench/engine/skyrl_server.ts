import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { outputOf } from "../program.ts";

/** The project of the server's environment, in the sources, where an environment may be. */
const project = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./skyrl/" : "../../../bench/engine/skyrl/", import.meta.url),
);
const extras = ["--extra", "tinker", "--extra", "jax"];
const uvFolder = join(project, ".uv/.venv");
const uv = join(uvFolder, "bin/uv");
const python = join(project, ".venv/bin/python");

/** Whether the environment is there. */
export function hasEnvironment(): boolean {
  return existsSync(uv) && existsSync(python);
}

/** Makes the environment: uv in one of its own, and all else by it. Needs Python 3.12, and 7 GB of disk. */
export async function makeEnvironment(): Promise<void> {
  await outputOf("python3", ["-m", "venv", uvFolder]);
  await outputOf(join(uvFolder, "bin/pip"), ["install", "--quiet", "uv"]);
  await outputOf(uv, ["sync", "--project", project, ...extras]);
}

/** A server on this machine. */
export interface SkyrlServer extends AsyncDisposable {
  readonly url: string;
  /** The model by its name there. */
  readonly baseModel: string;
  /** From its start until it took requests, s. */
  readonly startS: number;
}

export const adapters = { count: 4, rank: 8 } as const;
const READY_MS = 10 * 60_000;

/**
 * Starts SkyRL on loopback, in a folder of its own, with a tiny random Qwen3 that has the vocabulary of `vocabulary`; ended when
 * disposed. The engine, a process of the server's, is ready later than the server.
 */
export async function startSkyrl(folder: string, vocabulary: string): Promise<SkyrlServer> {
  const baseModel = join(folder, "model");
  await outputOf(python, [join(project, "make_model.py"), baseModel, vocabulary]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const options = {
    host: "127.0.0.1",
    port,
    "base-model": baseModel,
    backend: "jax",
    "backend-config": JSON.stringify({ max_lora_adapters: adapters.count, max_lora_rank: adapters.rank }),
    "database-url": `sqlite:///${join(folder, "server.db")}`,
    "checkpoints-base": join(folder, "checkpoints"),
  };
  const args = ["run", "--frozen", "--project", project, ...extras, "-m", "skyrl.tinker.api"];
  const startedMs = performance.now();
  const server = spawn(
    uv,
    [...args, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`])],
    {
      cwd: folder,
      // It starts its engine by the name `uv`; a group of its own is ended as a whole.
      env: {
        ...process.env,
        PATH: [join(uvFolder, "bin"), process.env.PATH].join(delimiter),
        JAX_PLATFORMS: "cpu",
        HF_HUB_OFFLINE: "1",
      },
      stdio: ["ignore", 2, 2],
      detached: true,
    },
  );
  const dispose = async (): Promise<void> => {
    if (server.exitCode !== null || server.pid === undefined) return;
    process.kill(-server.pid, "SIGTERM");
    await once(server, "exit");
  };
  try {
    while (!(await isReady(url))) {
      if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
      if (performance.now() - startedMs > READY_MS) throw new Error(`${url} is not ready after ten minutes`);
      await sleep(500);
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { url, baseModel, startS: (performance.now() - startedMs) / 1000, [Symbol.asyncDispose]: dispose };
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v1/healthz`).catch(() => null);
  return answer?.ok ?? false;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
