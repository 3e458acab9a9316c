/**
 * `npm run bench:decisions`: decisions that matter. The embedded model imitates a scripted driver and learns by GRPO: does it
 * violate fewer constraints, is that by the constraints, does the gate undo a poisoned update? Each play is kept as it ends, so that
 * a bench that was interrupted goes on.
 */
import { mkdir } from "node:fs/promises";
import { program } from "commander";
import { drivingFigures, drivingPlays, simulate } from "./decisions/driving.ts";
import { highwayFigures, highwayPlays } from "./decisions/highway.ts";
import { Plays } from "./decisions/plays.ts";
import { robotFigures, robotPlays } from "./decisions/robot.ts";
import { type Figures, figuresTable, writeFigures } from "./figures.ts";
import { scratchFolder } from "./models.ts";

const { json, work, seeds, only, python } = program
  .name("npm run bench:decisions --")
  .description("safety before reward in simulators, on the embedded model")
  .option("--json <file>", "where to write the figures")
  .option("--work <folder>", "where plays are kept, so that they go on (default: a folder that is removed)")
  .option("--seeds <n>", "how many", Number, 3)
  .option("--only <part>", "driving, robot, highway or simulating")
  .option("--python <path>", "a Python with gymnasium and highway-env; without one, highway is left out")
  .parse()
  .opts<{ json?: string; work?: string; seeds: number; only?: string; python?: string }>();

await using scratch = await scratchFolder();
const folder = work ?? scratch.path;
await mkdir(folder, { recursive: true });
const plays = await Plays.open(folder);

/** What is played for each seed, by part. */
const parts = {
  driving: drivingPlays,
  robot: robotPlays,
  highway: python === undefined ? [] : highwayPlays(python),
} as const;

const simulated = only === undefined || only === "simulating" ? await simulate(20) : {};
for (let seed = 0; seed < seeds; seed++)
  for (const [name, own] of Object.entries(parts))
    if (only === undefined || only === name) for (const play of own) await plays.play(play, seed);

const all: Figures = {
  ...drivingFigures(plays, seeds),
  ...robotFigures(plays, seeds),
  ...highwayFigures(plays, seeds),
  ...simulated,
};
const known = Object.fromEntries(Object.entries(all).filter(([, { value }]) => Number.isFinite(value)));
console.log(figuresTable(known));
if (json) await writeFigures(json, known);
