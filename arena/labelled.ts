import type { LabelledItem } from "../environments/data.ts";
import { itemsAt } from "./data_order.ts";
import { load, type OpenQuestion } from "./dialogue.ts";
import type { Step } from "./step.ts";

/** A labelled question with its image in memory. */
export interface LabelledQuestion extends OpenQuestion {
  readonly item: LabelledItem;
}

/** Which of `length` rows a step is about: one after the other, shuffled anew for every epoch. */
export function rowsOf(
  { run, place: { round, step, phase } }: Step,
  perStep: number,
  length: number,
): number[] {
  const count = Math.min(perStep, length);
  return itemsAt(run.seed(`${phase}.items`, round), step * count, count, length);
}

/** Rows with their images, those whose image cannot be used left out; `recorded` as `load` has it. */
export async function loadRows(
  step: Step,
  rows: readonly number[],
  recorded = true,
): Promise<LabelledQuestion[]> {
  const { images, items } = step.run.labelled;
  const loaded = await load(step, rows, recorded, images);
  return loaded.map((each) => {
    const item = items[each.ref.index] as LabelledItem;
    return { ...each, item, question: item.question };
  });
}
