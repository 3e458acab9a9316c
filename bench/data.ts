/**
 * `npm run bench:data`: a run with a curriculum of many items about pictures of 50 kB is exported to Parquet: rows a
 * second, and the most memory that it takes. The export is opened, and rows of it are read in an order that is drawn, with
 * their pictures decoded: as a run reads them, and by Python's `datasets` in the same order.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { program } from "commander";
import { RandomStream } from "../common/random.ts";
import { contentId } from "../images/image.ts";
import { type CurriculumQuestion, REPLAY_VERSION, type RunEvent } from "../replay/events.ts";
import { SELF_PLAY } from "../replay/self_play.ts";
import { ReplayStore } from "../replay/store.ts";
import { type Figures, figuresTable, writeFigures } from "./figures.ts";
import { time } from "./measure.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { noisePicture } from "./noise_picture.ts";
import { reportOf, watchedOutputOf } from "./program.ts";
import { pythonOf } from "./python.ts";
import type { ReadReport } from "./read_report.ts";

const questionsPerImage = 6;
const imagesPerStep = 32;
const pictureBytes = 50_000;
const words = [
  "red",
  "small",
  "left",
  "open",
  "bird",
  "house",
  "tree",
  "car",
  "door",
  "lamp",
  "table",
  "sign",
];

const { json, items, format, reads, python } = program
  .name("npm run bench:data --")
  .description("export a large curriculum")
  .option("--json <file>", "where to write the figures")
  .option("--items <n>", "items of the curriculum (100,000 with pictures take 6 GB of disk)", Number, 100_000)
  .option("--format <format>", "what to write; only datasets is read back", "datasets")
  .option("--reads <n>", "rows that are read back, shuffled", Number, 4000)
  .option("--python <path>", "a Python with datasets; else one gets an environment in bench/data")
  .parse()
  .opts<{ json?: string; items: number; format: string; reads: number; python?: string }>();

await using scratch = await scratchFolder();
const run = join(scratch.path, "run");
await fill(run, items);
const out = join(scratch.path, "out");
const args = ["export-curriculum", run, "--format", format, "--out", out];
const { result, seconds } = await time(() =>
  watchedOutputOf(process.execPath, [join(packageRoot, "dist/cli/main.js"), ...args]),
);
console.log(result.output);
const figures: Figures = {
  export_rows_per_second: { value: items / seconds, unit: "rows/s" },
  export_peak_mb: { value: result.peakMb, unit: "MB" },
  ...(format === "datasets" ? await readBack(out) : {}),
};
console.log(figuresTable(figures));
if (json) await writeFigures(json, figures);

/** How fast rows are read in an order that is drawn; throws where the two readers do not see the same. */
async function readBack(set: string): Promise<Figures> {
  const stream = new RandomStream(2);
  const order = Array.from({ length: reads }, () => stream.integer(items));
  const list = join(scratch.path, "order.json");
  await writeFile(list, JSON.stringify(order));
  const ours = await reportOf<ReadReport>(process.execPath, [
    join(packageRoot, "dist/bench/read_data.js"),
    set,
    list,
  ]);
  const here = join(packageRoot, "bench/data");
  const interpreter = python ?? (await pythonOf(here));
  const cache = join(scratch.path, "arrow");
  const script = join(here, "read_datasets.py");
  const theirs = await reportOf<ReadReport>(interpreter, [script, set, list, cache]);
  if (!isDeepStrictEqual(ours.first, theirs.first)) throw new Error("they read different rows or pixels");
  const perSecond = (report: ReadReport): number => reads / report.read_seconds;
  return {
    [`open_${items / 1000}k_seconds`]: { value: ours.open_seconds, unit: "s" },
    read_images_per_second: { value: perSecond(ours), unit: "images/s" },
    datasets_images_per_second: { value: perSecond(theirs), unit: "images/s" },
    read_over_datasets: { value: perSecond(ours) / perSecond(theirs), unit: "" },
    datasets_open_seconds: { value: theirs.open_seconds, unit: "s" },
  };
}

/** A replay whose curriculum has so many items. */
async function fill(folder: string, count: number): Promise<void> {
  await using store = await ReplayStore.create(folder);
  const stream = new RandomStream(0);
  const picture = await noisePicture(pictureBytes);
  for (let first = 0; first < count; first += imagesPerStep * questionsPerImage) {
    const left = count - first;
    const files = Array.from(
      { length: Math.min(imagesPerStep, Math.ceil(left / questionsPerImage)) },
      (_, i) => picture(first + i),
    );
    const episodes = files.map((bytes, i): RunEvent => {
      const id = contentId(bytes);
      const questions = Math.min(questionsPerImage, left - i * questionsPerImage);
      const origin = { stage: SELF_PLAY, phase: "curriculum", role: "questioner", round: 1 } as const;
      return {
        ...{
          type: "curriculumEpisode",
          version: REPLAY_VERSION,
          atMs: 0,
          step: first,
          versions: {},
          prompt: "Ask.",
        },
        ...origin,
        image: { index: first + i, name: `folder/picture-${first + i}.jpg`, id },
        questions: Array.from({ length: questions }, (_, q) => admitted(stream, q)),
      };
    });
    const images = files.map((bytes) => ({
      id: contentId(bytes),
      extension: "jpg",
      bytes: async () => bytes,
    }));
    await store.append(episodes, images);
    if (first % 19_200 === 0) process.stderr.write(`${first} of ${count} items …\n`);
  }
}

function admitted(stream: RandomStream, place: number): CurriculumQuestion {
  const question = `question ${place}: what is the ${stream.pick(words)} ${stream.pick(words)} near the ${stream.pick(words)} of the ${stream.pick(words)} ?`;
  const silver = stream.pick(words);
  return {
    completion: { tokens: [1, 2, 3], logProbs: [-1, -1, -1], text: question, finishReason: "stop" },
    ...{
      question,
      failure: null,
      ownAnswer: null,
      answers: [],
      described: null,
      solution: null,
      blindAnswers: [],
      rejection: null,
      label: silver,
    },
    verdict: {
      ...{ silver, confidence: 0.75, abstentions: 0, parseFailures: 0, samples: 8, verified: null },
      votes: [
        { answer: silver, count: 6 },
        { answer: "other", count: 2 },
      ],
    },
  };
}
