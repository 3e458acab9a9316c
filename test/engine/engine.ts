import { setTimeout as sleep } from "node:timers/promises";
import { RandomStream } from "../../common/random.ts";
import type { LocalPolicyOptions } from "../../policy/embedded/local_policy.ts";
import { readModelFolder } from "../../policy/embedded/registry.ts";
import { EngineClient, type Timing } from "../../policy/remote/client.ts";
import { EngineSession } from "../../policy/remote/session.ts";
import { TinkerPolicy, type TinkerPolicyOptions } from "../../policy/remote/tinker_policy.ts";
import { tinyFolder, tinyOptions } from "../policy/tiny.ts";
import { type DoubleOptions, EngineDouble } from "./double.ts";

export const baseModel = "visplay/tiny";

/** A double of the tiny model. */
export function startDouble(
  options: Partial<DoubleOptions> = {},
  policy: Partial<LocalPolicyOptions> = {},
): Promise<EngineDouble> {
  return EngineDouble.start({
    folder: tinyFolder,
    baseModel,
    policy: { ...tinyOptions, ...policy },
    ...options,
  });
}

/** Time in which pauses take a hundredth. */
export function hurried(): Timing {
  const stream = new RandomStream(1);
  return {
    now: () => performance.now(),
    sleep: (ms, signal) => sleep(ms / 100, undefined, { signal }),
    random: () => stream.uniform(),
  };
}

export function clientOf(url: string, key: string | null = null): EngineClient {
  const options = { timing: hurried(), patienceMs: 20_000, timeoutMs: 20_000 };
  return new EngineClient({ url, keyName: "TINKER_API_KEY", key }, options);
}

/** A policy on a double, with a session of its own. */
export async function openRemote(
  double: EngineDouble,
  options: Partial<TinkerPolicyOptions> = {},
): Promise<TinkerPolicy> {
  const session = await EngineSession.open(clientOf(double.url), "test");
  const definition = await (await readModelFolder(double.options.folder)).define();
  return new TinkerPolicy(session, definition, {
    name: "test",
    baseModel,
    lora: { rank: 8, seed: 0 },
    optimizer: double.options.policy.optimizer,
    window: 4,
    reduction: "sum",
    ...options,
  });
}
