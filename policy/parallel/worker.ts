/** The thread of one policy: answers `ThreadedPolicy`'s calls one after the other. */
import { parentPort } from "node:worker_threads";
import { VisplayError } from "../../common/errors.ts";
import { type CallMessage, replyTo } from "../../common/thread_calls.ts";
import type { RgbImage } from "../../images/image.ts";
import { LocalPolicy } from "../embedded/local_policy.ts";
import { type ImageMessage, isHeldImage, type Method, type PixelPart, pack } from "./worker_protocol.ts";

if (parentPort === null) throw new Error("policy/parallel/worker is not a program; ThreadedPolicy starts it");
const port = parentPort;
const images = new Map<string, RgbImage>();
/** Of the calls that have not ended yet. */
const controllers = new Map<number, AbortController>();
let policy: LocalPolicy | undefined;
let queue: Promise<void> = Promise.resolve();

port.on("message", (request: CallMessage<Method> | ImageMessage) => {
  switch (request.kind) {
    case "pixels":
      receive(request);
      return;
    case "forget":
      for (const id of request.images) images.delete(id);
      return;
    case "abort":
      controllers.get(request.id)?.abort();
      return;
    case "call": {
      const { id, method } = request;
      // Now and not in its turn: an image may be forgotten as soon as the call has arrived.
      const args = pack(request.args, (value) =>
        isHeldImage(value) ? heldImage(value.heldImage) : undefined,
      );
      const controller = new AbortController();
      controllers.set(id, controller);
      queue = queue.then(async () => {
        port.postMessage(await replyTo(id, () => perform(method, args as unknown[], controller.signal)));
        controllers.delete(id);
      });
    }
  }
});

async function perform(method: Method, args: unknown[], signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) throw new VisplayError("cancelled", "the call was cancelled before it began");
  if (method === "open") {
    policy = await LocalPolicy.open(...(args as Parameters<typeof LocalPolicy.open>));
    return undefined;
  }
  if (policy === undefined) throw new Error(`${method} was called, but no policy is open`);
  if (method === "close") return policy[Symbol.asyncDispose]();
  const call = policy[method] as (this: LocalPolicy, ...all: unknown[]) => Promise<unknown>;
  return pack(await call.call(policy, ...args, signal), () => undefined);
}

function receive({ id, width, height, start, bytes, part }: PixelPart): void {
  const image = images.get(id) ?? { id, width, height, data: new Uint8Array(bytes) };
  image.data.set(part, start);
  images.set(id, image);
}

function heldImage(id: string): RgbImage {
  const image = images.get(id);
  if (image === undefined) throw new Error(`image ${id} was never sent to this thread`);
  return image;
}
