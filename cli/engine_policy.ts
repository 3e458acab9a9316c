import { setTimeout as sleep } from "node:timers/promises";
import type { RunConfig } from "../arena/config/config.ts";
import { steadyClock } from "../common/clock.ts";
import { VisplayError } from "../common/errors.ts";
import { deriveSeed, RandomStream } from "../common/random.ts";
import { readModelFolder } from "../policy/embedded/registry.ts";
import type { Policy } from "../policy/port.ts";
import { checkEngine, type EngineReport } from "../policy/remote/check.ts";
import { EngineClient } from "../policy/remote/client.ts";
import { isEngineFolder, readEngineState } from "../policy/remote/engine_state.ts";
import type { SequenceTools } from "../policy/remote/sequences.ts";
import { EngineSession } from "../policy/remote/session.ts";
import { TinkerPolicy } from "../policy/remote/tinker_policy.ts";
import type { Role } from "../replay/self_play.ts";
import { findingsOf } from "./engine_fit.ts";
import type { WithModel } from "./model.ts";

/** As long as an engine may be away before a run gives up, and as long as one answer may take. */
const patience = { patienceMs: 15 * 60_000, timeoutMs: 6 * 60_000 };
const usualRank = 16;

/** What was found out of servers in this process, by server and model. */
const checked = new Map<string, Promise<EngineReport>>();

/** Opens a policy on a role's server, which has to be one that does all that the settings ask for; throws "engine". */
export async function openEnginePolicy(model: WithModel, role: Role): Promise<Policy> {
  const { config, folder } = model;
  const tools = await sequenceTools(model);
  const client = engineClient(config, role);
  const report = await reportOf(client, config, role, tools);
  requireFit(client, report, config);
  const session = await EngineSession.open(client, `visplay-${role}`);
  const start = (await isEngineFolder(folder)) ? await readEngineState(folder) : null;
  const { connectorLearningRateFactor: _, visionLearningRateFactor: __, ...optimizer } = config.optimizer;
  return new TinkerPolicy(
    session,
    tools,
    {
      name: `visplay-${role}`,
      baseModel: baseModelOf(config, role),
      lora: loraOf(config),
      optimizer,
      window: config.engine.requests,
      reduction: report.reduction ?? "sum",
    },
    start && { path: start.path, hasOptimizer: false },
  );
}

/** What of a model's folder is needed beside an engine: its tokenizer, template and processor. */
export async function sequenceTools({
  base,
  config,
}: Pick<WithModel, "base" | "config">): Promise<SequenceTools> {
  return (await readModelFolder(base, config.model)).define();
}

/** A client of a role's server. */
export function engineClient({ engine, seed }: RunConfig, role: Role): EngineClient {
  const url = engine[role].url ?? engine.url;
  if (url === null)
    throw new VisplayError("config", "engine.url: found nothing, expected the address of a server");
  return clientFor(url, engine[role].apiKeyEnv ?? engine.apiKeyEnv, deriveSeed(seed, "engine", role));
}

/** A client of a server; the key is taken from the environment and kept nowhere else. */
export function clientFor(url: string, keyName: string, seed: number): EngineClient {
  const stream = new RandomStream(seed);
  const timing = {
    now: steadyClock.now,
    sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, signal ? { signal } : {}),
    random: () => stream.uniform(),
  };
  return new EngineClient({ url, keyName, key: process.env[keyName] || null }, { timing, ...patience });
}

/** What a server was found to do, tried once in a process. */
export function reportOf(
  client: EngineClient,
  config: RunConfig,
  role: Role,
  tools: SequenceTools,
  signal?: AbortSignal,
): Promise<EngineReport> {
  const baseModel = baseModelOf(config, role);
  const key = JSON.stringify([client.address.url, baseModel]);
  const known = checked.get(key) ?? checkEngine(client, tools, { baseModel, lora: loraOf(config) }, signal);
  checked.set(key, known);
  known.catch(() => checked.delete(key));
  return known;
}

function requireFit({ address }: EngineClient, report: EngineReport, config: RunConfig): void {
  const reasons = findingsOf(report, config, sharesServer(config)).flatMap(({ what, found, refusal }) =>
    refusal === null ? [] : [`${what}: ${found}; ${refusal}`],
  );
  if (reasons.length === 0) return;
  const heading = `the engine at ${address.url} cannot do what the settings ask for (see \`visplay engine check\`):`;
  throw new VisplayError("engine", [heading, ...reasons].join("\n  "));
}

/** Whether two policies of a run are on one server. */
export function sharesServer({ engine, stages }: RunConfig): boolean {
  const urls = [engine.questioner.url, engine.reasoner.url].map((url) => url ?? engine.url);
  return stages.some(({ kind }) => kind === "self_play") && urls[0] === urls[1];
}

/** The model by the server's name: as set, or the name on the hub without its revision. */
function baseModelOf({ engine, model }: RunConfig, role: Role): string {
  return engine[role].baseModel ?? engine.baseModel ?? model.name.replace(/@.*$/, "");
}

function loraOf({ adapter, seed }: RunConfig): { readonly rank: number; readonly seed: number } {
  return { rank: adapter.rank ?? usualRank, seed };
}
