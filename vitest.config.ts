import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Files that replace a module for all that a process loads. */
const apart = ["test/arena/checkpoints/checkpoint_store.test.ts"];
const exclude = ["test/browser/**", "test/kill/**", "test/engine/**", "test/docs/commands.test.ts"];

const config: ViteUserConfig = defineConfig({
  test: {
    pool: "forks",
    maxWorkers: Math.ceil(1.5 * availableParallelism()), // for there are tests that wait
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What an earlier state of the code has scaled down is not to be found by a later one's tests.
    env: { VISPLAY_CACHE_GB: "0" },
    projects: [
      { extends: true, test: { name: "apart", include: apart } },
      // The others share processes, so that what they import is loaded once for many of them.
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: [...exclude, ...apart],
          isolate: false,
        },
      },
    ],
  },
});

export default config;
