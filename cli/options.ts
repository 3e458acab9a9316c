import { type Command, Option } from "commander";
import { environmentNames } from "../arena/config/environment.ts";
import { devices } from "../autodiff/onnx/device.ts";
import { verifierNames } from "../environments/verify.ts";
import { assignmentLayer, fileLayer, type Layer, valueLayer } from "./settings.ts";

/** A flag that stands for one setting; its value is taken as it is written unless `read` says otherwise. */
interface SettingFlag {
  readonly flags: string;
  readonly about: string;
  readonly path: readonly string[];
  readonly read?: (text: string) => unknown;
}

/** Of commands that play rounds. */
export const untilCurriculumOption: [string, string, boolean] = [
  "--until-curriculum",
  "stop once a round's curriculum is there, so that its Reasoner phase can be handed off",
  false,
];

/** A number where the text is one; otherwise the text, which the schema will refuse by name. */
const number = (text: string) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));

export type FlagName =
  | "images"
  | "model"
  | "device"
  | "engine"
  | "rounds"
  | "out"
  | "seed"
  | "metricsPort"
  | "stageData"
  | "stageColumns"
  | "stageVerifier"
  | "chain"
  | "environment"
  | "tools"
  | "epochs"
  | "steps"
  | "testData"
  | "data"
  | "limit"
  | "samples"
  | "columns"
  | "verifier"
  | "groupBy";

const settingFlags: Readonly<Record<FlagName, SettingFlag>> = {
  images: {
    flags: "--images <data>",
    about: "images to learn from: a folder, Parquet, JSONL or tar files, a data set on the hub",
    path: ["images", "data"],
  },
  model: {
    flags: "--model <model>",
    about: "model to start from: a Hugging Face folder, or a hub name such as owner/name@revision",
    path: ["model", "name"],
  },
  device: {
    flags: "--device <device>",
    about: `where the models run: ${devices.join(", ")}`,
    path: ["device"],
  },
  engine: {
    flags: "--engine <url>",
    about: "Tinker-API server that samples and trains in place of this machine; see docs/engine.md",
    path: ["engine"],
    read: (text: string) => ({ kind: "tinker", url: text }),
  },
  rounds: { flags: "--rounds <n>", about: "rounds of self-play", path: ["rounds"], read: number },
  out: { flags: "--out <folder>", about: "where to write", path: ["out"] },
  seed: { flags: "--seed <n>", about: "seed of everything that is drawn", path: ["seed"], read: number },
  data: {
    flags: "--data <data>",
    about: "labelled data: Parquet, JSONL or tar files, a folder of them, a data set on the hub",
    path: ["evaluation", "data"],
  },
  limit: {
    flags: "--limit <n>",
    about: "the first so many questions only",
    path: ["evaluation", "questions"],
    read: number,
  },
  samples: {
    flags: "--samples <k>",
    about: "answers to each for mean@k, maj@k and pass@k",
    path: ["evaluation", "samples"],
    read: number,
  },
  columns: {
    flags: "--columns <map>",
    about: "columns of the data, as question=problem,answer=solution,image=images",
    path: ["evaluation", "columns"],
  },
  verifier: {
    flags: "--verifier <name>",
    about: `how answers are held against the true ones: ${verifierNames.join(", ")}`,
    path: ["evaluation", "verifier"],
  },
  groupBy: {
    flags: "--group-by <column>",
    about: "figures by the values of this column, too",
    path: ["evaluation", "groupBy"],
  },
  stageData: {
    flags: "--data <data>",
    about:
      "labelled data to learn from: Parquet, JSONL or tar files, a folder of them, a data set on the hub",
    path: ["stages", "0", "data"],
  },
  stageColumns: {
    flags: "--columns <map>",
    about: "columns of the data, as question=problem,answer=solution,image=images",
    path: ["stages", "0", "columns"],
  },
  stageVerifier: {
    flags: "--verifier <name>",
    about: `how answers are held against the labels: ${verifierNames.join(", ")}`,
    path: ["stages", "0", "reward", "verifier"],
  },
  environment: {
    flags: "--environment <name>",
    about: `what to act in: ${environmentNames.join(", ")}, or a module of your own`,
    path: ["stages", "0", "environment", "name"],
  },
  tools: {
    flags: "--tools <names>",
    about: "tools that may be called, with commas",
    path: ["stages", "0", "tools", "use"],
    read: (text: string) => text.split(","),
  },
  chain: {
    flags: "--chain <column>",
    about: "the column with the thinking before an answer",
    path: ["stages", "0", "chain"],
  },
  epochs: {
    flags: "--epochs <n>",
    about: "times that every row is learnt from, at most",
    path: ["stages", "0", "epochs"],
    read: number,
  },
  steps: {
    flags: "--steps <n>",
    about: "optimiser steps, whatever the epochs",
    path: ["stages", "0", "steps"],
    read: number,
  },
  testData: {
    flags: "--test <data>",
    about: "labelled data to be measured on, before and after",
    path: ["evaluation", "data"],
  },
  metricsPort: {
    flags: "--metrics-port <port>",
    about: "serve Prometheus metrics on this port of this machine",
    path: ["watch", "metricsPort"],
    read: number,
  },
};

/** Adds --config, the named flags and --set to a command; gives the function that reads the settings they make. */
export function addSettings(command: Command, names: readonly FlagName[]): () => Layer[] {
  const options = names.map((name) => {
    const flag = settingFlags[name];
    return { flag, option: new Option(flag.flags, flag.about) };
  });
  command.option("--config <file>", "settings in YAML; `visplay config` prints all of them");
  for (const { option } of options) command.addOption(option);
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  command.option("--set <key=value>", "one setting, such as reasoner.groupSize=4; may be repeated", collect);
  return () => {
    const given = command.opts<Record<string, string | undefined> & { config?: string; set?: string[] }>();
    const fromFlags = options.flatMap(({ flag, option }) => {
      const text = given[option.attributeName()];
      if (text === undefined) return [];
      return valueLayer(`${option.long} ${text}`, flag.path, flag.read ? flag.read(text) : text);
    });
    return [
      ...(given.config ? [fileLayer(given.config)] : []),
      ...fromFlags,
      ...(given.set ?? []).map(assignmentLayer),
    ];
  };
}
