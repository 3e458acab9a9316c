/** A server in a process of its own: takes requests to sample and hands out their results, without sampling anything. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer, json } from "node:stream/consumers";

const [samples, tokens] = process.argv.slice(2).map(Number) as [number, number];
const sequence = {
  stop_reason: "stop",
  tokens: Array.from({ length: tokens }, (_, i) => (7919 * i) % 150_000),
  logprobs: Array.from({ length: tokens }, (_, i) => -((i % 97) + 1) / 31.7),
};
const result = JSON.stringify({
  sequences: Array.from({ length: samples }, () => sequence),
  prompt_logprobs: null,
});
let requests = 0;
const server = createServer(async (request, response) => {
  response.setHeader("content-type", "application/json");
  if (request.url === "/api/v1/retrieve_future") {
    await json(request);
    response.end(result);
    return;
  }
  await buffer(request);
  response.end(JSON.stringify({ request_id: `${requests++}`, status: "pending" }));
});
// A client that has no time for a while is to find its connections as they were.
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});
