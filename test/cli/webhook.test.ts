import { afterEach, expect, test, vi } from "vitest";
import { withoutSecrets } from "../../arena/config/watch.ts";
import { openWebhook } from "../../cli/webhook.ts";
import { configOf } from "../fakes/config.ts";

afterEach(() => void vi.unstubAllEnvs());

function opened(webhook: string | null) {
  const said: string[] = [];
  const config = configOf({ watch: { webhook, stallMinutes: 0 } });
  return { hook: openWebhook(config, (line) => said.push(line)), said, kept: withoutSecrets(config) };
}

test("an address is taken from the settings or the environment, and only the latter is kept", () => {
  const address = "https://hooks.example/s3cr3t";
  expect(opened(null)).toMatchObject({ hook: null, said: [], kept: { watch: { webhook: null } } });
  const typed = opened(address);
  expect(typed.hook).not.toBeNull();
  expect(JSON.stringify(typed.kept)).not.toContain("s3cr3t");
  vi.stubEnv("VISPLAY_WEBHOOK", address);
  expect(opened(typed.kept.watch.webhook)).toMatchObject({ hook: expect.anything(), said: [] });
});

test.each([
  ["", "found nothing"],
  ["file:///etc/s3cr3t", "found no http or https URL"],
  ["hooks.example/s3cr3t", "found no http or https URL"],
])("where the environment has %j, the run goes on and says so", (value, found) => {
  vi.stubEnv("VISPLAY_WEBHOOK", value);
  const { hook, said } = opened("env");
  expect(hook).toBeNull();
  expect(said).toEqual([expect.stringContaining(`watch.webhook: ${found} in VISPLAY_WEBHOOK`)]);
  expect(said.join()).not.toContain("s3cr3t");
});
