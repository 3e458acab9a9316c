import type { RunEvent } from "../replay/events.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Metrics } from "./metrics.ts";
import type { RunPlan } from "./run_plan.ts";
import { TensorBoard } from "./tensorboard.ts";
import type { Watcher } from "./watcher.ts";
import { Webhook } from "./webhook.ts";

export interface WatchOptions {
  readonly tensorboard: boolean;
  readonly metricsPort: number | null;
  readonly metricsHost: string;
  readonly webhook: string | null;
  readonly stallMinutes: number;
}

/** Serves metrics where they are wanted, before there is a run. Throws "config" for a port that cannot be had. */
export async function openMetrics(
  { metricsHost, metricsPort }: WatchOptions,
  say: (line: string) => void,
): Promise<Metrics | null> {
  if (metricsPort === null) return null;
  const metrics = await Metrics.start(metricsHost, metricsPort);
  say(`metrics at ${metrics.url}`);
  return metrics;
}

export interface RunToWatch {
  readonly folder: string;
  readonly plan: RunPlan & { readonly watch: WatchOptions };
  /** How often the run was started, this time included. */
  readonly attempt: number;
  /** What earlier attempts recorded and a resume has not superseded. */
  readonly history: Iterable<RunEvent>;
}

/** Starts what else is to follow a run, and feeds the metrics. Throws "disk" where it cannot write. */
export async function openWatchers(
  { folder, plan, attempt, history }: RunToWatch,
  metrics: Metrics | null,
  say: (line: string) => void,
): Promise<Watcher> {
  const { tensorboard, webhook, stallMinutes } = plan.watch;
  const charts = tensorboard ? await TensorBoard.start({ folder, plan, history, warn: say }) : null;
  const heartbeat = await Heartbeat.start({ folder, plan, attempt, warn: say });
  const hook = webhook === null ? null : new Webhook({ url: webhook, folder, stallMinutes, warn: say });
  const watchers: Watcher[] = [heartbeat, charts, metrics, hook].filter((each) => each !== null);
  return together(watchers, say);
}

/** Several watchers as one. What any of them throws is said, the first time, and ends nothing. */
export function together(watchers: readonly Watcher[], warn: (line: string) => void): Watcher {
  let warned = false;
  const each = (tell: (watcher: Watcher) => void) => {
    for (const watcher of watchers) {
      try {
        tell(watcher);
      } catch (error) {
        if (!warned) warn(`watching: ${error}; the run goes on`);
        warned = true;
      }
    }
  };
  return {
    apply: (event) => each((watcher) => watcher.apply(event)),
    fail: (error) => each((watcher) => watcher.fail(error)),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
    },
  };
}
