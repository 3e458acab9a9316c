import type { Decision } from "./control.ts";
import type { Consequence, FutureOptions } from "./futures.ts";
import type { World } from "./world.ts";

/** What a thread that plays what follows decisions does. */
export interface FuturesThread {
  open(): void;
  consequence(world: World, decision: Decision, options: FutureOptions): Consequence;
  close(): void;
}
