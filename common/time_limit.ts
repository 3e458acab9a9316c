import { Script } from "node:vm";

const call = new Script("run()");

/** What a synchronous function returns; one that runs for longer is ended and throws ERR_SCRIPT_EXECUTION_TIMEOUT. */
export function withTimeLimit<T>(timeoutMs: number, run: () => T): T {
  return call.runInNewContext({ run }, { timeout: timeoutMs });
}
