import { stringify } from "yaml";
import { cardFeatures } from "./features.ts";
import type { FormatRules } from "./formats.ts";
import type { Selected } from "./selection.ts";

/** What is known about a run whose curriculum is exported. */
export interface RunFacts {
  readonly name: string;
  /** SHA-256 of its resolved configuration. */
  readonly configuration: string;
  /** The releases of this program that played it. */
  readonly releases: readonly string[];
  /** What it started from, by role, with optimiser steps that it had taken then. */
  readonly models: Readonly<Record<string, object>>;
  /** SHA-256 of the model's files and the prompts, by name; null where that was not recorded. */
  readonly inputs: Readonly<Record<string, string>> | null;
  /** Share of answers that are true where the run could tell, by round. */
  readonly correct: Readonly<Record<number, number>>;
}

export interface CardFacts {
  readonly runs: readonly RunFacts[];
  readonly license: string;
  readonly rules: FormatRules;
  readonly splits: readonly SplitFacts[];
  readonly selected: Selected;
  /** What of the runs could not be read. */
  readonly damaged: readonly string[];
  readonly keepsMetadata: boolean;
}

export interface SplitFacts {
  readonly name: string;
  readonly examples: number;
  readonly images: number;
  readonly bytes: number;
}

/** A dataset card, as the Hugging Face hub reads it. */
export function card(facts: CardFacts): string {
  return `---\n${stringify(headOf(facts))}---\n\n${bodyOf(facts)}\n`;
}

function headOf({ license, rules, splits }: CardFacts): object {
  const named = splits.map(({ name }) => ({ split: name, path: rules.filesOf(name) }));
  return {
    license,
    pretty_name: "VisPlay curriculum",
    task_categories: ["visual-question-answering"],
    tags: ["visplay", "self-play", "synthetic"],
    configs: [{ config_name: "default", data_files: named }],
    ...(rules.features && {
      dataset_info: {
        features: cardFeatures(rules.features),
        splits: splits.map(({ name, bytes, examples }) => ({
          name,
          num_bytes: bytes,
          num_examples: examples,
        })),
      },
    }),
  };
}

function bodyOf({ runs, rules, splits, selected, damaged, keepsMetadata }: CardFacts): string {
  const { items, candidates, rejected } = selected;
  const reasons = Object.entries(rejected).map(([name, count]) => `| ${name} | ${count} |`);
  return [
    "# VisPlay curriculum",
    "",
    "Questions about pictures, and answers to them, that a vision-language model has made itself in self-play. A",
    "Questioner saw a picture and asked; a Reasoner saw it too and answered several times. The answer given here is the",
    "one that most of these answers agreed on, and `confidence` the share that did. No person has labelled or checked it.",
    "",
    ...correctness(runs),
    "",
    `For ${rules.reader}. \`curriculum.json\` says from which runs, how it was selected, and the SHA-256 of every file.`,
    "",
    "| split | questions | pictures |",
    "|---|---|---|",
    ...splits.map(({ name, examples, images }) => `| ${name} | ${examples} | ${images} |`),
    "",
    `${items.length} of ${candidates} questions were selected${reasons.length > 0 ? "; the others were left out for:" : "."}`,
    ...(reasons.length > 0 ? ["", "| reason | questions |", "|---|---|", ...reasons] : []),
    ...(damaged.length > 0
      ? [
          "",
          `What could not be read of the runs' records is left out, too: ${damaged.length} in \`curriculum.json\`.`,
        ]
      : []),
    "",
    keepsMetadata
      ? "Pictures keep the metadata of their files (EXIF, XMP), which may say where they were taken."
      : "Pictures carry no metadata (EXIF, GPS, XMP, IPTC, comments).",
  ].join("\n");
}

function correctness(runs: readonly RunFacts[]): string[] {
  const audited = runs.flatMap(({ name, correct }) =>
    Object.entries(correct).map(([round, share]) => `| ${name} | ${round} | ${(100 * share).toFixed(1)}% |`),
  );
  if (audited.length === 0) return ["How many of the answers are true was not measured."];
  return [
    "Where the truth was known, this share of the answers of a whole round's curriculum was true:",
    "",
    "| run | round | true |",
    "|---|---|---|",
    ...audited,
  ];
}
