#!/usr/bin/env node
/** The `visplay` command. In a checkout, setup first brings dist/ up to date; an installed package has it. */
import "./setup.js";

await import("../dist/cli/main.js");
