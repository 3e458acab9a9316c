import { fileURLToPath } from "node:url";

/** The `visplay` command as it was built before the tests; `bin/visplay.js` would look each time whether it still is. */
export const program: string = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
