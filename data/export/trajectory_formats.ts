import { cell, type Features } from "./features.ts";
import { imagePathOf, LinesWriter } from "./lines_writer.ts";
import { parquetFilesOf, parquetShards } from "./parquet_shard.ts";
import type { NamedPicture, RowWriter, SplitRow } from "./row.ts";
import { imageTag, type Message, type MessagePart, type Trajectory } from "./trajectory.ts";

export const trajectoryFormats = ["trl", "ms-swift", "jsonl"] as const;
export type TrajectoryFormat = (typeof trajectoryFormats)[number];

/** A trajectory as formats write it. */
export interface TrajectoryRow extends SplitRow {
  readonly trajectory: Trajectory;
  /** Those in its messages, in order; one may come several times. */
  readonly pictures: readonly NamedPicture[];
}

/** How trajectories are written for a reader. */
export interface TrajectoryRules {
  /** One sentence for the card. */
  readonly reader: string;
  /** Whether the reader takes pictures by tags in the text. */
  readonly tagged: boolean;
  /** The files of a split, as a pattern relative to the set's folder. */
  filesOf(split: string): string;
  open(folder: string, shardBytes: number): RowWriter<TrajectoryRow>;
}

/** What is written of a trajectory beside its messages and pictures. */
const facts: Features = {
  reward: "float64",
  advantage: "float64",
  parts: [{ name: "string", value: "float64" }],
  turn_parts: [[{ name: "string", value: "float64" }]],
  turn_calls: [{ tool: "string", fault: "string" }],
  turn_advantages: ["float64"],
  end: "string",
  fault: "string",
  fault_reason: "string",
  failure: "string",
  failure_turn: "int32",
  question: "string",
  answer: "string",
  run: "string",
  stage: "string",
  phase: "string",
  round: "int32",
  step: "int32",
  episode: "int32",
  rollout: "int32",
};

function factsOf({ trajectory }: TrajectoryRow): Readonly<Record<string, unknown>> {
  const { reward, advantage, parts, messages, end, fault, failure, question, label } = trajectory;
  const { run, stage, phase, round, step, episode, rollout } = trajectory;
  const acts = messages.flatMap(({ act }) => act ?? []);
  const place = { run, stage, phase, round, step, episode, rollout };
  return {
    reward,
    advantage,
    parts: namedParts(parts),
    turn_parts: acts.map((act) => namedParts(act.parts)),
    turn_calls: acts.map(({ call }) => ({ tool: call?.tool ?? null, fault: call?.fault ?? null })),
    turn_advantages: acts.map((act) => act.advantage),
    end,
    fault: fault?.kind ?? null,
    fault_reason: fault?.reason ?? null,
    failure: failure?.kind ?? null,
    failure_turn: failure?.turn ?? null,
    question,
    answer: label,
    ...place,
  };
}

/** Names differ from run to run, and columns may not. */
function namedParts(parts: Trajectory["parts"]): { readonly name: string; readonly value: number }[] {
  return Object.entries(parts).map(([name, value]) => ({ name, value }));
}

const picturesOf = ({ pictures }: TrajectoryRow): readonly NamedPicture[] => pictures;

/** Texts and pictures apart, as chat templates take them; the pictures themselves come in the same order. */
function typedPart(part: MessagePart): { readonly type: string; readonly text: string | null } {
  return typeof part === "string" ? { type: "text", text: part } : { type: "image", text: null };
}

/** The call of a message in the form of OpenAI's API; undefined where it has none. */
function callsOf({ call }: Message): readonly object[] | undefined {
  if (!call) return undefined;
  return [{ type: "function", function: { name: call.name, arguments: call.arguments } }];
}

/** ms-swift's own roles for calls and their answers; what was said before a call is a message of its own. */
function swiftMessages({ messages }: Trajectory): object[] {
  return messages.flatMap(({ role, parts, call }, i) => {
    const content = parts.map((part) => (typeof part === "string" ? part : imageTag)).join("");
    if (call) {
      const called = { role: "tool_call", content: JSON.stringify(call) };
      return content === "" ? [called] : [{ role, content }, called];
    }
    return [{ role: role === "tool" && messages[i - 1]?.call ? "tool_response" : role, content }];
  });
}

/** How each reader wants its rows. */
export const trajectoryRules: Readonly<Record<TrajectoryFormat, TrajectoryRules>> = {
  trl: {
    reader: "TRL's `SFTTrainer`",
    tagged: false,
    filesOf: parquetFilesOf,
    open: (folder, shardBytes) =>
      parquetShards(folder, shardBytes, {
        features: {
          messages: [
            {
              role: "string",
              content: [{ type: "string", text: "string" }],
              tool_calls: [{ type: "string", function: { name: "string", arguments: "json" } }],
            },
          ],
          tools: ["json"],
          images: ["image"],
          ...facts,
        },
        cellsOf: (row) => ({
          messages: row.trajectory.messages.map((message) => ({
            role: message.role,
            content: message.parts.map(typedPart),
            tool_calls: callsOf(message) ?? null,
          })),
          tools: row.trajectory.tools,
          images: row.pictures.map(cell),
          ...factsOf(row),
        }),
        picturesOf,
      }),
  },
  "ms-swift": lines("ms-swift (`--dataset train.jsonl`, started in this folder)", true, (row) => ({
    messages: swiftMessages(row.trajectory),
    ...(row.trajectory.tools && { tools: JSON.stringify(row.trajectory.tools) }),
    images: row.pictures.map(imagePathOf),
    ...factsOf(row),
  })),
  jsonl: lines("anything that reads lines of JSON", false, (row) => {
    const paths = row.pictures.map(imagePathOf)[Symbol.iterator]();
    return {
      messages: row.trajectory.messages.map((message) => {
        const tool_calls = callsOf(message);
        return {
          role: message.role,
          content: message.parts.map((part) =>
            typeof part === "string"
              ? { type: "text", text: part }
              : { type: "image", image: paths.next().value },
          ),
          ...(tool_calls && { tool_calls }),
        };
      }),
      tools: row.trajectory.tools,
      ...factsOf(row),
    };
  }),
};

function lines(reader: string, tagged: boolean, recordOf: (row: TrajectoryRow) => object): TrajectoryRules {
  return {
    reader,
    tagged,
    filesOf: (split) => `${split}.jsonl`,
    open: (folder) => new LinesWriter(folder, recordOf, picturesOf),
  };
}
