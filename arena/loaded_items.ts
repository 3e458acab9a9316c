import type { CurriculumItem } from "../replay/events.ts";
import { itemCount } from "./curriculum.ts";
import { itemsAt } from "./data_order.ts";
import { loadSeen, type OpenQuestion, viewOf } from "./dialogue.ts";
import type { Step } from "./step.ts";

/** A curriculum item with its image in memory, as it is shown. */
export interface LoadedItem extends OpenQuestion {
  readonly item: CurriculumItem;
  readonly view: number;
}

/** What a step learns from its items by. */
export type Lessons = "items" | "imitated" | "described";

/** A step's items of the round's curriculum, `count` or all; each lesson has an order of its own. */
export async function loadItems(step: Step, lessons: Lessons, count: number): Promise<LoadedItem[]> {
  const { run, place } = step;
  const admitted = itemCount(run.progress.curriculum);
  const some = Math.min(count, admitted);
  if (some === 0) return [];
  const places = itemsAt(run.seed(`reasoner.${lessons}`, place.round), place.step * some, some, admitted);
  return show(step, lessons, await run.ports.log.curriculum(place.round, places));
}

/** Items with their pictures, each as it is shown. */
async function show(step: Step, lessons: Lessons, items: readonly CurriculumItem[]): Promise<LoadedItem[]> {
  const found = (await loadSeen(step, items)).map(({ item, loaded }) => {
    return { ...loaded, item, question: item.question };
  });
  const shown: LoadedItem[] = [];
  for (const [place, each] of found.entries()) {
    // Under a view that is drawn anew in each step.
    const view = step.seed(views[lessons], place) % step.run.config.reasoner.views;
    shown.push({ ...each, image: await viewOf(step, each.image, view), view });
  }
  return shown;
}

/** What views are drawn by. */
const views: Readonly<Record<Lessons, string>> = {
  ...{ items: "view", imitated: "imitatedView", described: "describedView" },
};
