/** A thread that plays what follows decisions: answers `Futures`' calls. */
import { serveThread } from "../../common/serve_thread.ts";
import { consequenceOf } from "./futures.ts";
import type { FuturesThread } from "./futures_protocol.ts";

serveThread<FuturesThread>({ open: () => {}, consequence: consequenceOf, close: () => {} });
