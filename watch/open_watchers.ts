import type { RunConfig } from "../arena/config/config.ts";
import type { WatchConfig } from "../arena/config/watch.ts";
import type { RunEvent } from "../replay/events.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Metrics } from "./metrics.ts";

import { TensorBoard } from "./tensorboard.ts";
import type { Watcher } from "./watcher.ts";

/** Serves metrics where they are wanted and can be, before there is a run. */
export async function openMetrics(
  { metricsHost, metricsPort }: WatchConfig,
  say: (line: string) => void,
): Promise<Metrics | null> {
  if (metricsPort === null) return null;
  const metrics = await orWithout(Metrics.start(metricsHost, metricsPort), say);
  if (metrics) say(`metrics at ${metrics.url}`);
  return metrics;
}

export interface RunToWatch {
  readonly folder: string;
  readonly config: RunConfig;
  /** How often the run was started, this time included. */
  readonly attempt: number;
  /** What earlier attempts recorded and a resume has not superseded, with no more than so many steps. */
  readonly history: (steps: number) => Iterable<RunEvent>;
  /** What the policies are at, in words. */
  readonly activity: () => readonly string[];
}

/**
 * Starts what follows a run from its folder, and feeds those that were there before, which others close. What watches a
 * run never ends it, and never keeps it from beginning: what cannot be had is one line of warning.
 */
export async function openWatchers(
  { folder, config, attempt, history, activity }: RunToWatch,
  before: readonly (Watcher | null)[],
  say: (line: string) => void,
): Promise<Watcher> {
  const charts = config.watch.tensorboard
    ? await orWithout(TensorBoard.start({ folder, config, history, warn: say }), say)
    : null;
  const heartbeat = await Heartbeat.start({ folder, config, attempt, activity, warn: say });
  const own: Watcher[] = charts ? [heartbeat, charts] : [heartbeat];
  return together(
    own,
    before.filter((each) => each !== null),
    say,
  );
}

async function orWithout<T>(starting: Promise<T>, say: (line: string) => void): Promise<T | null> {
  return starting.catch((error) => {
    say(`${error instanceof Error ? error.message : error}; the run goes on without`);
    return null;
  });
}

/** Several watchers as one, which closes its own. What any of them throws is said, the first time, and ends nothing. */
export function together(
  own: readonly Watcher[],
  others: readonly Watcher[],
  warn: (line: string) => void,
): Watcher {
  const watchers = [...own, ...others];
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
    wait: (reason) => each((watcher) => watcher.wait?.(reason)),
    fail: (error) => each((watcher) => watcher.fail(error)),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(own.map((watcher) => watcher[Symbol.asyncDispose]()));
    },
  };
}
