import { once } from "node:events";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";

export interface PlainRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: object | undefined;
  readonly signal: AbortSignal;
}

/** `fetch` without the headers that it shares with browsers (`Sec-Fetch-Mode`): Ray takes nothing but GET with these. */
export async function plainRequest(url: string, { method, body, signal }: PlainRequest): Promise<Response> {
  const send = url.startsWith("https:") ? requestHttps : requestHttp;
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const request = send(url, { method, headers, signal });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  // What breaks off while it is read rejects there.
  request.on("error", () => {});
  return new Response(await text(answer), { status: answer.statusCode ?? 500 });
}
