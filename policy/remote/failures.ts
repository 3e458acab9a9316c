import type * as z from "zod";
import { VisplayError } from "../../common/errors.ts";
import type { EngineAddress } from "./address.ts";

/** A status with which a server refused a request; those who know what the request was about say more. */
export class EngineRefusal extends VisplayError {
  readonly status: number;
  /** What the server said. */
  readonly detail: string;

  constructor(address: EngineAddress, path: string, status: number, detail: string) {
    super("engine", `the engine at ${address.url} refused ${path}: ${refusal(address, status, detail)}`);
    this.name = "EngineRefusal";
    this.status = status;
    this.detail = detail;
  }
}

const goOn = "nothing that was recorded is lost: go on with `visplay resume` once that is mended";

function refusal({ keyName, key }: EngineAddress, status: number, detail: string): string {
  const said = detail === "" ? `status ${status}` : `status ${status}, ${detail}`;
  if (status === 401 || status === 403)
    return key === null
      ? `${said}; set ${keyName} to a key of this engine`
      : `${said}; the key in ${keyName} is not one of this engine, or may not do this`;
  if (status === 402) return `${said}; the account has used up what it has: ${goOn}`;
  if (status === 413) return `${said}; a request is larger than the engine takes: lower the steps' sizes`;
  return said;
}

const clockRemedy = "a certificate of another time; set the clock of this machine";
const trustRemedy =
  "a certificate that nobody vouches for; name the file of its authority in NODE_EXTRA_CA_CERTS";

/** What to do where a connection does not come about, by Node's code. */
const remedies: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: clockRemedy,
  CERT_NOT_YET_VALID: clockRemedy,
  DEPTH_ZERO_SELF_SIGNED_CERT: trustRemedy,
  SELF_SIGNED_CERT_IN_CHAIN: trustRemedy,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: trustRemedy,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trustRemedy,
  ERR_TLS_CERT_ALTNAME_INVALID: "a certificate of another host; look at engine.url",
  ENOTFOUND: "there is no such host; look at engine.url",
  ECONNREFUSED: "nothing listens there; start the engine, or look at engine.url",
};

/** These do not pass. */
const lasting: readonly string[] = Object.keys(remedies).filter((code) => code !== "ECONNREFUSED");

/** Why a request did not come through. Throws "engine" where waiting does not help, and programming errors. */
export function sayUnreachable(error: unknown, { url }: EngineAddress): string {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return "no answer in time";
  if (message !== "fetch failed" && message !== "terminated" && !(error instanceof DOMException)) throw error;
  const { code = "", message: reason } = (cause ?? error) as NodeJS.ErrnoException;
  const said = remedies[code] ? `${code}: ${remedies[code]}` : reason || code;
  if (!lasting.includes(code)) return said;
  throw new VisplayError("engine", `the engine at ${url} cannot be reached: ${said}`, { cause: error });
}

/** The end of patience. */
export function gaveUp(
  { url }: EngineAddress,
  path: string,
  trouble: string,
  patienceMs: number,
): VisplayError {
  const minutes = Math.round(patienceMs / 60_000);
  const waited = minutes > 0 ? `for ${minutes} min` : `for ${Math.round(patienceMs / 1000)} s`;
  return new VisplayError(
    "engine",
    `the engine at ${url} did not do ${path} ${waited} (${trouble}); ${goOn}`,
  );
}

/** An answer in another form than the API has: another server, or another version of it. */
export function outOfOrder(
  { url }: EngineAddress,
  path: string,
  text: string,
  cause: z.ZodError,
): VisplayError {
  const found = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  const where = cause.issues[0]?.path.join(".") ?? "";
  return new VisplayError(
    "engine",
    `the engine at ${url} answered ${path} with ${found || "nothing"}; expected ${where || "an answer"} as the Tinker API of 2026 has it: is it a Tinker-API server, and of a version that \`visplay engine check\` accepts?`,
    { cause },
  );
}

/** A model, or its pending step, that a server no longer has. */
export function lostModel({ url }: EngineAddress, what: string, cause: unknown): VisplayError {
  return new VisplayError(
    "engine",
    `the engine at ${url} no longer has ${what}: it was restarted, or has given the model up; ${goOn}, from the last checkpoint`,
    { cause },
  );
}
