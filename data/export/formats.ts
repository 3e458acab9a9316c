import { join } from "node:path";
import { cell, type Features } from "./features.ts";
import { imagePathOf, LinesWriter } from "./lines_writer.ts";
import { writeOutput } from "./output_file.ts";
import type { RowCells } from "./parquet_rows.ts";
import { parquetFilesOf, parquetShards } from "./parquet_shard.ts";
import { countVotes, type ExportItem } from "./record.ts";
import type { NamedFile, NamedPicture, Row, RowWriter } from "./row.ts";
import { Shards } from "./shards.ts";
import { TarShard } from "./tar_shard.ts";

export const formats = [
  "datasets",
  "easyr1",
  "verl",
  "trl",
  "llama-factory",
  "ms-swift",
  "webdataset",
  "jsonl",
] as const;
export type Format = (typeof formats)[number];

/** How rows are written for a reader. */
export interface FormatRules {
  /** One sentence for the card. */
  readonly reader: string;
  /** Whether a picture stands in each row about it, rather than once. */
  readonly repeatsPictures: boolean;
  /** Of Parquet columns; null where rows are no Parquet. */
  readonly features: Features | null;
  /** The files of a split, as a pattern relative to the set's folder. */
  filesOf(split: string): string;
  open(folder: string, shardBytes: number): RowWriter;
  /** Writes what the reader needs beside the rows. */
  describe?(folder: string, splits: readonly string[]): Promise<NamedFile>;
}

/** What of an item is written where a reader takes any columns. */
const facts: Features = {
  question: "string",
  answer: "string",
  confidence: "float64",
  votes: [{ answer: "string", count: "int32" }],
  abstentions: "int32",
  parse_failures: "int32",
  verified: "int32",
  uncertainty: "float64",
  round: "int32",
  cluster: "int32",
  outcome: "string",
  run: "string",
  episode: "int32",
  rollout: "int32",
  image_id: "string",
  image_name: "string",
};

function factsOf({ item }: Row): Readonly<Record<string, unknown>> {
  const { question, answer, confidence, votes, abstentions, parseFailures, verified } = item;
  const { round, cluster, outcome } = item;
  return {
    question,
    answer,
    confidence,
    votes,
    abstentions,
    parse_failures: parseFailures,
    verified,
    uncertainty: uncertaintyOf(item),
    round,
    cluster,
    outcome,
    run: item.run,
    episode: item.origin?.episode ?? null,
    rollout: item.origin?.rollout ?? null,
    image_id: item.image,
    image_name: item.imageName,
  };
}

/** What the spread of its answers alone earns a question: 1 - |2c - 1|, from counts where there are some. */
function uncertaintyOf(item: ExportItem): number {
  const votes = countVotes(item);
  if (votes === 0) return 1 - Math.abs(2 * item.confidence - 1);
  const majority = Math.max(...item.votes.map(({ count }) => count));
  return 1 - Math.abs(2 * majority - votes) / votes;
}

const asked = ({ item }: Row): string => `<image>${item.question}`;
const user = (content: string): object => ({ role: "user", content });
const turns = [{ role: "string", content: "string" }] as const;

/** How each reader wants its rows. */
export const formatRules: Readonly<Record<Format, FormatRules>> = {
  datasets: parquet("`load_dataset` of Hugging Face", { image: "image", ...facts }, (row) => ({
    image: cell(row),
    ...factsOf(row),
  })),
  easyr1: parquet(
    "EasyR1 (`prompt_key: problem`, `answer_key: answer`, `image_key: images`)",
    { problem: "string", answer: "string", images: ["image"] },
    (row) => ({ problem: asked(row), answer: row.item.answer, images: [cell(row)] }),
  ),
  verl: parquet(
    "verl (`data.image_key=images`)",
    {
      data_source: "string",
      prompt: turns,
      images: ["image"],
      ability: "string",
      reward_model: { style: "string", ground_truth: "string" },
      extra_info: { split: "string", index: "int32" },
    },
    (row) => ({
      data_source: "visplay",
      prompt: [user(asked(row))],
      images: [cell(row)],
      ability: "vqa",
      reward_model: { style: "rule", ground_truth: row.item.answer },
      extra_info: { split: row.item.split, index: row.index },
    }),
  ),
  trl: parquet("TRL's `GRPOTrainer`", { prompt: turns, images: ["image"], solution: "string" }, (row) => ({
    prompt: [user(row.item.question)],
    images: [cell(row)],
    solution: row.item.answer,
  })),
  "llama-factory": {
    ...lines("LLaMA-Factory (`dataset_dir` is this folder, `dataset: visplay_train`)", (row) => ({
      messages: [user(asked(row)), { role: "assistant", content: row.item.answer }],
      images: [imagePathOf(row)],
    })),
    describe: describeForLlamaFactory,
  },
  "ms-swift": lines("ms-swift (`--dataset train.jsonl`, started in this folder)", (row) => ({
    messages: [user(asked(row))],
    images: [imagePathOf(row)],
    solution: row.item.answer,
  })),
  webdataset: {
    reader: "`webdataset`",
    repeatsPictures: true,
    features: null,
    filesOf: (split) => `${split}-*.tar`,
    open: (folder, shardBytes) =>
      new Shards(
        folder,
        shardBytes,
        (split, shard) => `${split}-${String(shard).padStart(6, "0")}.tar`,
        (path) => TarShard.create(path, factsOf),
      ),
  },
  jsonl: lines("anything that reads lines of JSON", (row) => ({ image: imagePathOf(row), ...factsOf(row) })),
};

/** A row's one picture. */
function picturesOf(row: Row): readonly NamedPicture[] {
  return [row];
}

function parquet(reader: string, features: Features, cellsOf: (row: Row) => RowCells): FormatRules {
  return {
    reader,
    repeatsPictures: true,
    features,
    filesOf: parquetFilesOf,
    open: (folder, shardBytes) => parquetShards(folder, shardBytes, { features, cellsOf, picturesOf }),
  };
}

function lines(reader: string, recordOf: (row: Row) => object): FormatRules {
  return {
    reader,
    repeatsPictures: false,
    features: null,
    filesOf: (split) => `${split}.jsonl`,
    open: (folder) => new LinesWriter(folder, recordOf, picturesOf),
  };
}

async function describeForLlamaFactory(folder: string, splits: readonly string[]): Promise<NamedFile> {
  const entry = (split: string): object => ({
    file_name: `${split}.jsonl`,
    formatting: "sharegpt",
    columns: { messages: "messages", images: "images" },
    tags: { role_tag: "role", content_tag: "content", user_tag: "user", assistant_tag: "assistant" },
  });
  const path = "dataset_info.json";
  const entries = Object.fromEntries(splits.map((split) => [`visplay_${split}`, entry(split)]));
  return { path, ...(await writeOutput(join(folder, path), `${JSON.stringify(entries, null, 2)}\n`)) };
}
