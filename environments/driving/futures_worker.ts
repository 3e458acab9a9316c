/** A thread that plays what follows decisions: answers `Futures`' calls. */
import { serveThread } from "../../common/serve_thread.ts";
import type { Decision } from "./control.ts";
import { type Consequence, consequenceOf, type FutureOptions } from "./futures.ts";
import type { World } from "./world.ts";

/** What such a thread does. */
export interface FuturesThread {
  open(): void;
  consequence(world: World, decision: Decision, options: FutureOptions): Consequence;
  close(): void;
}

serveThread<FuturesThread>({ open: () => {}, consequence: consequenceOf, close: () => {} });
