/**
 * `npm run bench:data`: a run with a curriculum of many items about pictures of 50 kB is exported to Parquet: rows a
 * second, and the most memory that it takes.
 */
import { join } from "node:path";
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
import { watchedOutputOf } from "./program.ts";

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

const { json, items, format } = program
  .name("npm run bench:data --")
  .description("export a large curriculum")
  .option("--json <file>", "where to write the figures")
  .option("--items <n>", "items of the curriculum (100,000 with pictures take 6 GB of disk)", Number, 100_000)
  .option("--format <format>", "what to write", "datasets")
  .parse()
  .opts<{ json?: string; items: number; format: string }>();

await using scratch = await scratchFolder();
const run = join(scratch.path, "run");
await fill(run, items);
const args = ["export-curriculum", run, "--format", format, "--out", join(scratch.path, "out")];
const { result, seconds } = await time(() =>
  watchedOutputOf(process.execPath, [join(packageRoot, "dist/cli/main.js"), ...args]),
);
console.log(result.output);
const figures: Figures = {
  export_rows_per_second: { value: items / seconds, unit: "rows/s" },
  export_peak_mb: { value: result.peakMb, unit: "MB" },
};
console.log(figuresTable(figures));
if (json) await writeFigures(json, figures);

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
      blindAnswers: [],
      rejection: null,
      label: silver,
    },
    verdict: {
      ...{ silver, confidence: 0.75, abstentions: 0, parseFailures: 0, samples: 8 },
      votes: [
        { answer: silver, count: 6 },
        { answer: "other", count: 2 },
      ],
    },
  };
}
