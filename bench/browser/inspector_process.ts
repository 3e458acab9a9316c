import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** An inspector in a process of its own. */
export interface InspectorProcess extends AsyncDisposable {
  readonly address: string;
  readonly pid: number;
}

/** Starts `visplay inspect` on a free port, where `program` is the built command. Throws where it ends at once. */
export async function startInspector(
  program: string,
  folders: readonly string[],
  options: readonly string[] = [],
): Promise<InspectorProcess> {
  const child = spawn(process.execPath, [program, "inspect", ...folders, "--no-open", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = once(child, "exit");
  const line = once(createInterface(child.stdout), "line") as Promise<[string]>;
  const address = await Promise.race([line.then(([text]) => text), ended.then(() => undefined)]);
  if (address === undefined) throw new Error(`the inspector ended: ${said}`);
  return {
    address,
    pid: child.pid as number,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}
