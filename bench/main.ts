/** `npm run bench`: how fast it is, as a table and, with --json, as `{name: {value, unit}}`. */
import { program } from "commander";
import { type Figures, figuresTable, writeFigures } from "./figures.ts";
import { benchGrpo } from "./grpo.ts";
import { benchMatmulShare } from "./matmul_share.ts";
import { scratchFolder } from "./models.ts";
import { benchSharedPrefix } from "./shared_prefix.ts";
import { benchTurns } from "./turns.ts";

const { json, threads, rounds } = program
  .name("npm run bench --")
  .description("measure speed and memory; leave the machine alone meanwhile")
  .option("--json <file>", "where to write the figures")
  .option("--threads <n>", "CPU threads", Number, 2)
  .option("--rounds <n>", "measurements of each kind", Number, 11)
  .parse()
  .opts<{ json?: string; threads: number; rounds: number }>();

const benchmarks = {
  "shared prefix": benchSharedPrefix,
  "update beside MatMul": benchMatmulShare,
  "GRPO step": benchGrpo,
  "turns of a conversation": benchTurns,
};

await using scratch = await scratchFolder();
let figures: Figures = {};
for (const [name, bench] of Object.entries(benchmarks)) {
  process.stderr.write(`${name} …\n`);
  const found = await bench(threads, rounds, scratch.path);
  console.log(`\n${name} (threads: ${threads})\n${figuresTable(found)}`);
  figures = { ...figures, ...found };
  if (json) await writeFigures(json, figures);
}
