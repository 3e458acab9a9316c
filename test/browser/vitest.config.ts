import { defineConfig, type ViteUserConfig } from "vitest/config";

/** `npm run test:browser`: the inspector in a real browser, apart from the other tests. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/browser/*.test.ts"],
    globalSetup: "test/browser/recorded.ts",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
