import type { RunSettings } from "../arena/config/config.ts";
import { WEBHOOK_VARIABLE } from "../arena/config/watch.ts";
import { Webhook } from "../watch/webhook.ts";

/** The webhook of a configuration; null where none is wanted or, which is said, its address is missing. */
export function openWebhook(
  { watch: { webhook, stallMinutes } }: RunSettings,
  say: (line: string) => void,
): Webhook | null {
  if (webhook === null) return null;
  const url = webhook === "env" ? process.env[WEBHOOK_VARIABLE] : webhook;
  if (url && /^https?:$/.test(protocolOf(url))) return new Webhook({ url, stallMinutes, warn: say });
  const found = url ? "found no http or https URL" : "found nothing";
  say(
    `watch.webhook: ${found} in ${WEBHOOK_VARIABLE}, expected the address; the run goes on and posts to nobody`,
  );
  return null;
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : "";
}
