import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** `npm run test:browser`: the inspector in a real browser, apart from the other tests. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/browser/*.test.ts"],
    globalSetup: "test/browser/recorded.ts",
    pool: "forks",
    maxWorkers: Math.ceil(1.5 * availableParallelism()), // for pages are waited for
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
