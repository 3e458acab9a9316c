import * as z from "zod";
import { flag, group, number } from "./setting.ts";

/** Who follows a run; nothing here changes what it computes. */
export interface WatchConfig {
  readonly tensorboard: boolean;
  readonly metricsPort: number | null;
  readonly metricsHost: string;
  readonly webhook: string | null;
  readonly stallMinutes: number;
}

export const watch: z.ZodType<WatchConfig> = group(
  {
    tensorboard: flag(true, "write event files for TensorBoard into the run's folder"),
    metricsPort: z
      .int()
      .min(0)
      .max(65_535)
      .nullable()
      .default(null)
      .describe("port that serves Prometheus metrics; 0 takes any free one, null serves none"),
    metricsHost: z.string().min(1).default("127.0.0.1").describe("address that they are served at"),
    webhook: z
      .union([z.literal("env"), z.url({ protocol: /^https?$/, error: "expected an http or https URL" })])
      .nullable()
      .default(null)
      .meta({
        description:
          "URL that is posted to on start, finish, stop, crash, stall, NaN and collapse, or env for the one in VISPLAY_WEBHOOK, which is what a run keeps of it; null is none",
        secret: true,
      }),
    stallMinutes: number(30, "minutes without any news after which the webhook hears of a stall; 0 never"),
  },
  "how a run is watched; changes no result",
);

/** The environment variable with the address of `watch.webhook: env`. */
export const WEBHOOK_VARIABLE = "VISPLAY_WEBHOOK";

/** A configuration as it may be written down: an address may hold a token, and is left to the environment. */
export function withoutSecrets<C extends { readonly watch: WatchConfig }>(config: C): C {
  const { watch } = config;
  return { ...config, watch: { ...watch, webhook: watch.webhook && "env" } };
}
