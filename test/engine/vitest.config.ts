import { defineConfig, type ViteUserConfig } from "vitest/config";

/** `npm run test:engine`: the wire, and policies and runs over HTTP, apart from the other tests. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/engine/*.test.ts", "test/policy/remote/*.test.ts"],
    pool: "forks",
    testTimeout: 600_000,
    hookTimeout: 600_000,
    env: { VISPLAY_CACHE_GB: "0" },
  },
});

export default config;
