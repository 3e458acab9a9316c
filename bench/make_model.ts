/** `npm run make:model`: a model folder of a real model's sizes with random weights, to measure with. */
import { Option, program } from "commander";
import { type ModelSize, modelSizes, tokenizerModel, writeResizedModel } from "./models.ts";

const { size, out } = program
  .name("npm run make:model --")
  .description("write a model folder of a real model's sizes, with random weights and a small tokenizer")
  .addOption(new Option("--size <name>", "the sizes").choices(Object.keys(modelSizes)).default("256m"))
  .requiredOption("--out <folder>", "where to write it")
  .parse()
  .opts<{ readonly size: ModelSize; readonly out: string }>();

await writeResizedModel(tokenizerModel, modelSizes[size], out, "BF16");
console.log(`${out}: random weights of ${size}'s sizes, in bfloat16`);
