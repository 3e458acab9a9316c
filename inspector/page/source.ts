import { paths } from "../paths.ts";
import { fileSource } from "./file_source.ts";
import { Failure, type Source } from "./port.ts";

const server: Source = {
  json: async (path, signal) => (await answer(path, signal)).json(),
  ids: async (path, signal) => new Uint32Array(await (await answer(path, signal)).arrayBuffer()),
  image: (run, id, size) => `api/${paths.image(run, id, size)}`,
  live: (run, onChange) => {
    const events = new EventSource(`api/${paths.live(run)}`);
    events.onmessage = ({ data }) => onChange(JSON.parse(data));
    return () => events.close();
  },
};

export const source: Source = fileSource() ?? server;

async function answer(path: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(`api/${path}`, signal ? { signal } : {}).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Failure({ code: "gone", message: "the inspector no longer answers; start it again" });
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  throw new Failure(problem ?? { code: "http", message: `the inspector answered ${response.status}` });
}
