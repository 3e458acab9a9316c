import { type Command, InvalidArgumentError, Option } from "commander";
import type { Bounds, Selection, Split } from "../data/export/selection.ts";
import { mostBits } from "../data/export/similar_images.ts";
import { names, positive, whole } from "./option_values.ts";

interface Flags
  extends Omit<Selection, "rounds" | "splits" | "outcomes" | "agreement" | `max${string}` | "similarImages"> {
  readonly rounds?: readonly number[];
  readonly outcome: readonly string[];
  readonly agreement?: Bounds;
  readonly similarImages?: number;
  readonly maxPerImage?: number;
  readonly maxPerCluster?: number;
  readonly max?: number;
  readonly balance: boolean;
  readonly split: readonly Split[];
}

/** Adds what says which questions are exported to a command; gives the function that reads it. */
export function addSelection(command: Command): () => Selection {
  const add = <T>(flags: string, about: string, read: (text: string) => T, otherwise?: T): void => {
    const option = new Option(flags, about).argParser(read);
    command.addOption(otherwise === undefined ? option : option.default(otherwise, textOf(otherwise)));
  };
  add("--rounds <list>", "rounds, such as 2,4-6 (default: all)", rounds);
  add("--confidence <low..high>", "share of the answer among the votes", bounds, { low: 0, high: 1 });
  add(
    "--outcome <names>",
    "what became of the question: admitted, belowBand, …; several with commas",
    names,
    ["admitted"],
  );
  add("--min-votes <n>", "answers that were votes", whole, 0);
  add(
    "--agreement <low..high>",
    "share of the Reasoner's answers that agreed, the last time it was taught with the question",
    bounds,
  );
  command.option(
    "--distinct-questions",
    "of near duplicates among an image's questions, keep the first",
    false,
  );
  add(
    "--similar-images <bits>",
    `of images whose perceptual hashes differ in at most so many of 64 bits (0 to ${mostBits}), keep the first`,
    bits,
  );
  add("--max-per-image <n>", "questions about one image, at most", positive);
  add("--max-per-cluster <n>", "questions that say nearly the same, at most", positive);
  add("--max <n>", "questions in all, at most", positive);
  command.option("--balance", "fill --max from all clusters of questions in turn", false);
  add("--split <shares>", "shares of the images, such as train=0.9,test=0.1", splits, [
    { name: "train", share: 1 },
  ]);
  add("--seed <n>", "seed of what is drawn, and of the splits", whole, 0);
  return () => {
    const { rounds, outcome, agreement, similarImages, maxPerImage, maxPerCluster, max, split, ...flags } =
      command.opts<Flags>();
    const { confidence, minVotes, distinctQuestions, balance, seed } = flags;
    return {
      rounds: rounds ?? null,
      outcomes: outcome,
      confidence,
      minVotes,
      agreement: agreement ?? null,
      distinctQuestions,
      similarImages: similarImages ?? null,
      maxPerImage: maxPerImage ?? null,
      maxPerCluster: maxPerCluster ?? null,
      max: max ?? null,
      balance,
      splits: split,
      seed,
    };
  };
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => each.name ?? each).join();
  return typeof value === "object" ? "all" : String(value);
}

function rounds(text: string): number[] {
  return names(text).flatMap((part) => {
    const [, low, high = low] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    const [first, last] = [Number(low), Number(high)];
    if (low === undefined || last < first || last - first > 100_000)
      throw new InvalidArgumentError("expected rounds such as 2,4-6");
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function bounds(text: string): Bounds {
  const [, low = "", high = ""] = /^([\d.]*?)\.\.([\d.]*)$/.exec(text) ?? [null, "?", ""];
  const found = { low: low === "" ? 0 : Number(low), high: high === "" ? 1 : Number(high) };
  if (found.low >= 0 && found.low <= found.high && found.high <= 1) return found;
  throw new InvalidArgumentError("expected shares from 0 to 1, such as 0.3..0.8 or ..0.5");
}

function splits(text: string): Split[] {
  const found = names(text).map((part) => {
    const [, name = "", share] = /^([a-z]\w*)=([\d.]+)$/i.exec(part) ?? [];
    return { name, share: Number(share) };
  });
  const isDistinct = new Set(found.map(({ name }) => name)).size === found.length;
  if (isDistinct && found.every(({ share }) => share > 0)) return found;
  throw new InvalidArgumentError("expected different names with shares above 0, such as train=0.9,test=0.1");
}

function bits(text: string): number {
  const value = whole(text);
  if (value <= mostBits) return value;
  throw new InvalidArgumentError(`expected a whole number from 0 to ${mostBits}`);
}
