import { Subscription } from "rxjs";
import { play, type SavedRun } from "../../arena/arena.ts";
import type { RunConfig } from "../../arena/config/config.ts";
import type { RunEvent } from "../../replay/events.ts";
import { smallConfig, type World } from "./world.ts";

/** What came of a run so far. */
export interface Played {
  readonly events: RunEvent[];
  error?: unknown;
  completed: boolean;
  readonly subscription: Subscription;
}

/** Plays until nothing moves any more, or until a moment of the world's time. */
export async function playIn(
  world: World,
  config: RunConfig = smallConfig(),
  untilMs?: number,
  saved: SavedRun | null = null,
): Promise<Played> {
  const played: Played = { events: [], completed: false, subscription: new Subscription() };
  played.subscription.add(
    play(config, world, saved).subscribe({
      next: (event) => played.events.push(event),
      error: (error) => {
        played.error = error;
      },
      complete: () => {
        played.completed = true;
      },
    }),
  );
  await world.time.run(untilMs);
  return played;
}

/** The events of one type. */
export function ofType<T extends RunEvent["type"]>(
  events: readonly RunEvent[],
  type: T,
): Extract<RunEvent, { type: T }>[] {
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
}

/** An event without what a clock had a part in. */
export function withoutTimes(event: RunEvent): unknown {
  return JSON.parse(JSON.stringify(event, (key, value) => (/Ms$/.test(key) ? undefined : value)));
}
