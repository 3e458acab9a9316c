import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

/** Who may look. */
export interface Access {
  /** Where the server listens. */
  readonly host: string;
  /** What a visitor must know; null where only this machine can reach the server. */
  readonly token: string | null;
}

const COOKIE = "visplay-inspector";

/** What a page from this server may load: nothing from elsewhere, and no script that is not a file of ours. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * Lets in who may look, and says in each answer what a browser may do with it. Requests that only read; of a server for
 * this machine, only under its own names, since a foreign page may have made its name point here (DNS rebinding); from no
 * other page; and with the token, where there is one: in the address the first time, then in a cookie.
 */
export function guarded({ host, token }: Access): MiddlewareHandler {
  return async (context, next) => {
    const refusal = refusalOf(context, host) ?? (token === null ? null : await admission(context, token));
    if (refusal) return refusal;
    await next();
    const { headers } = context.res;
    headers.set("Content-Security-Policy", contentPolicy);
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
    return undefined;
  };
}

function refusalOf(context: Context, host: string): Response | null {
  const { method } = context.req;
  if (method !== "GET" && method !== "HEAD") {
    return context.text(`found ${method}, expected GET or HEAD: the inspector only reads`, 405);
  }
  const named = context.req.header("host") ?? "";
  const name = named.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (isLoopback(host) && !isLoopback(name)) {
    return context.text(`found host ${JSON.stringify(name)}, expected localhost or 127.0.0.1`, 403);
  }
  const origin = context.req.header("origin");
  if (origin !== undefined && origin !== `http://${named}`) {
    return context.text("the inspector answers no other page", 403);
  }
  const site = context.req.header("sec-fetch-site");
  if (site === "cross-site" && context.req.header("sec-fetch-mode") !== "navigate") {
    return context.text("the inspector answers no other page", 403);
  }
  return null;
}

async function admission(context: Context, token: string): Promise<Response | null> {
  const given = context.req.query("token");
  if (given !== undefined && isSame(given, token)) {
    setCookie(context, COOKIE, token, { httpOnly: true, sameSite: "Strict", path: "/" });
    return null;
  }
  if (isSame(getCookie(context, COOKIE) ?? "", token)) return null;
  return context.text("expected ?token=… with the token that `visplay inspect --token` was given", 401);
}

/** Compares in a time that tells nothing. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
