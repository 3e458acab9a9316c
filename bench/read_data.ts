/**
 * A program that opens a set, reads the rows of a list in its order with their pictures decoded, as a run does, and prints
 * one line of JSON, a `ReadReport`.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { inParallel } from "../common/in_parallel.ts";
import { isBroken } from "../data/data_set.ts";
import { openData } from "../data/open.ts";
import { decodeImage, defaultLimits } from "../images/decode.ts";
import { keepNoImages } from "../images/libvips.ts";
import { time } from "./measure.ts";
import type { ReadReport } from "./read_report.ts";

/** Pictures decoded at the same time, as in a run. */
const decoders = 4;
const compared = 32;

const [folder = "", list = ""] = process.argv.slice(2);
keepNoImages();
const { signal } = new AbortController();
const { result: set, seconds } = await time(() => openData(folder, { signal, onHub: () => undefined }));
const order: readonly number[] = JSON.parse(await readFile(list, "utf8"));

async function read(index: number) {
  const row = await set.row(index);
  if (isBroken(row)) throw new Error(row.reason);
  const { question, answers, images } = row;
  const bytes = (await images[0]?.read(defaultLimits)) ?? new Uint8Array();
  return { question, answer: answers[0] ?? "", image: await decodeImage(bytes, null) };
}

const before = process.cpuUsage();
const reading = await time(() => inParallel(order, decoders, async (index) => void (await read(index))));
const { user, system } = process.cpuUsage(before);
const first = await inParallel(order.slice(0, compared), decoders, async (index) => {
  const { question, answer, image } = await read(index);
  return [question, answer, createHash("sha256").update(image.data).digest("hex")] as const;
});
const report: ReadReport = {
  rows: set.length,
  open_seconds: seconds,
  read_seconds: reading.seconds,
  cpu_seconds: (user + system) / 1e6,
  first,
};
console.log(JSON.stringify(report));
