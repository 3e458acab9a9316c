import { defineConfig, type ViteUserConfig } from "vitest/config";

/** `npm run test:kill`: minutes of runs that are killed, apart from the other tests. */
const config: ViteUserConfig = defineConfig({ test: { include: ["test/kill/*.test.ts"], pool: "forks" } });

export default config;
