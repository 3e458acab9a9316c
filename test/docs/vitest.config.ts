import { defineConfig, type ViteUserConfig } from "vitest/config";

/** `npm run test:docs`: the commands of README and docs, as a user would type them, apart from the other tests. */
const config: ViteUserConfig = defineConfig({
  test: { include: ["test/docs/commands.test.ts"], pool: "forks" },
});

export default config;
