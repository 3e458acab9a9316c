import type { ImageSource } from "../images/source.ts";
import type { KnownQuestions } from "./question.ts";

/** Labelled questions, each about one image of a source, in one order. */
export interface LabelledItems {
  readonly images: ImageSource;
  readonly items: readonly LabelledItem[];
}

export interface LabelledItem {
  readonly question: string;
  /** Any of them is right. */
  readonly truths: readonly string[];
  /** The thinking that leads to the first; null where none is given. */
  readonly chain: string | null;
}

/** The questions of labelled data. */
export function dataQuestions(name: string, { images, items }: LabelledItems): KnownQuestions {
  return {
    name,
    length: items.length,
    async at(index, { fit }) {
      const { image, file } = await images.load(index, fit);
      const { question, truths, chain } = items[index] as LabelledItem;
      return { name: images.name(index), images: [image], question, truths, chain, file };
    },
  };
}
