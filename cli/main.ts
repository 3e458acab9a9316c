import { keepNoImages } from "../images/libvips.ts";
import { runCommand } from "./program.ts";

keepNoImages();
process.exitCode = await runCommand(process.argv.slice(2));
