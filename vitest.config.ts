import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/browser/**", "test/kill/**", "test/docs/commands.test.ts"],
    pool: "forks",
    maxWorkers: "100%", // of the cores; by default one is left idle, which of two is half
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What an earlier state of the code has scaled down is not to be found by a later one's tests.
    env: { VISPLAY_CACHE_GB: "0" },
  },
});

export default config;
