import * as z from "zod";
import type { Role } from "../../replay/self_play.ts";
import { choice, count, group, optionalText, type Settings } from "./setting.ts";

/** What samples and trains the policies. */
export const engineKinds = ["local", "tinker"] as const;
export type EngineKind = (typeof engineKinds)[number];

/** Where a Tinker-API server is, and what it calls the model; null: as is said for both roles. */
interface EngineOfRole {
  readonly url: string | null;
  readonly apiKeyEnv: string | null;
  readonly baseModel: string | null;
}

export interface EngineConfig extends Readonly<Record<Role, EngineOfRole>> {
  readonly kind: EngineKind;
  readonly url: string | null;
  readonly apiKeyEnv: string;
  readonly baseModel: string | null;
  readonly requests: number;
}

/** Without a key or a name in it: what stands in settings is written down. */
const address: z.ZodType<string | null> = z
  .url({ protocol: /^https?$/, error: "expected an http or https URL" })
  .refine((url) => {
    const { username, password, search } = new URL(url);
    return username + password + search === "";
  }, "expected an address without a user, a password or a query; the key belongs into the environment")
  .nullable()
  .default(null)
  .meta({ description: "address of the server", secret: true });

const variable = (fallback: string | null, text: string): z.ZodType<string> =>
  z
    .string()
    .regex(/^[A-Za-z_]\w*$/, "expected the name of an environment variable, not a key")
    .nullable()
    .default(fallback)
    .meta({ description: text, secret: true }) as never;

const ofRole = (role: Role): z.ZodType<EngineOfRole> => {
  const settings: Settings<EngineOfRole> = {
    url: address,
    apiKeyEnv: variable(null, "the environment variable with its key; null: that of both"),
    baseModel: optionalText("the model by the server's name; null: that of both"),
  };
  return group(
    settings,
    `the ${role === "reasoner" ? "Reasoner" : "Questioner"}'s own server; nulls: as for both`,
  );
};

const settings: Settings<EngineConfig> = {
  kind: choice(
    engineKinds,
    "local",
    "what samples and trains: this machine, or a Tinker-API server, which trains adapters alone",
  ),
  url: address,
  apiKeyEnv: variable(
    "TINKER_API_KEY",
    "the environment variable with the server's key, which stands nowhere else",
  ),
  baseModel: optionalText("the model by the server's name; null: model.name without its revision"),
  requests: count(64, "requests for samples that are under way at once, for each policy"),
  questioner: ofRole("questioner"),
  reasoner: ofRole("reasoner"),
};

export const engine: z.ZodType<EngineConfig> = group(
  settings,
  "what samples and trains the policies; `--engine URL` is a Tinker-API server",
);
