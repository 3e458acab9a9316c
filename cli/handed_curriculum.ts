import { readdir } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import { exportCurriculum } from "../data/export/export.ts";
import type { ExportItem } from "../data/export/record.ts";
import { everything, type Selection, select } from "../data/export/selection.ts";
import type { Trainer } from "../hand_off/phase.ts";
import { reasonerText } from "../reasoner/prompt.ts";
import { recordsOf, runFacts } from "./curriculum_records.ts";
import { plural } from "./format.ts";
import { templatesOf } from "./open.ts";
import type { Opening } from "./run_images.ts";
import type { WaitingRun } from "./waiting_run.ts";

/** The round's items with the very prompts that the Reasoner is trained on; gives the file's name. */
export async function writeCurriculum(
  folder: string,
  run: string,
  { model, phase }: WaitingRun,
  trainer: Trainer,
  { signal, say, show }: Opening,
): Promise<string> {
  const damaged: string[] = [];
  const onDamage = (what: string): void => void damaged.push(what);
  const records = [...recordsOf(run, { runIndex: 0, taught: false, onDamage })];
  const selection: Selection = { ...everything, rounds: [phase.round] };
  const never = () => Promise.reject(new Error("no rule looks at pictures"));
  const selected = await select(records, selection, never, null);
  if (damaged.length > 0) throw new VisplayError("damaged", `${run}: ${damaged.join("; ")}`);
  const templates = templatesOf(model);
  const asked = selected.items.map(({ question, ...item }): ExportItem => {
    return { ...item, question: reasonerText(question, templates) };
  });
  // Where a trainer finds that in a text, it looks for a picture.
  const items = asked.filter(({ question }) => !question.includes("<image>"));
  if (items.length < asked.length)
    say(`left out: ${plural(asked.length - items.length, "question")} in whose prompts stands <image>`);
  const { model: seen } = model.config;
  await exportCurriculum(folder, { ...selected, items }, [runFacts(run, onDamage)], {
    formats: [trainer],
    shardBytes: Number.POSITIVE_INFINITY,
    license: "unknown",
    release,
    selection,
    damaged,
    keepMetadata: false,
    maxPixels: seen.maxPixels,
    signal,
    say,
    onProgress: (done) => show(`exporting the curriculum: ${done} of ${items.length}`),
  });
  const [file] = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".parquet"));
  return file as string;
}
