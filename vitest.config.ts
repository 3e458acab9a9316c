import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/browser/**", "test/kill/**", "test/docs/commands.test.ts"],
    pool: "forks",
    maxWorkers: "100%", // of the cores; by default one is left idle, which of two is half
    testTimeout: 120_000,
  },
});

export default config;
