import { defineConfig, type ViteUserConfig } from "vitest/config";

/** `npm run test:engine`: the wire, and policies and runs over HTTP, apart from the other tests. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/engine/*.test.ts", "test/policy/remote/*.test.ts"],
    pool: "forks",
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    env: { VISPLAY_CACHE_GB: "0" },
  },
});

export default config;
