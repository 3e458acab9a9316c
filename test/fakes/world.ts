import type { RunConfig } from "../../arena/config/config.ts";
import type { Ports } from "../../arena/ports.ts";
import { VisplayError } from "../../common/errors.ts";
import { deriveSeed } from "../../common/random.ts";
import type { RgbImage } from "../../images/image.ts";
import type { ImageSource, Picture } from "../../images/source.ts";
import { itemsIn } from "../../replay/curriculum_items.ts";
import type { CurriculumEpisode, CurriculumItem, RunEvent } from "../../replay/events.ts";
import type { EventLog } from "../../replay/log.ts";
import { baseOf } from "../../training/grpo.ts";
import { configOf } from "./config.ts";
import { FakePolicy, type FakePolicyOptions, type Script } from "./policy.ts";
import { VirtualTime } from "./virtual_time.ts";

/*
 * A world of one-pixel images: image i shows i % 10 dots, in every view. The Questioner asks for the dots and a few more, one
 * time in eight without sense; the Reasoner miscounts now and then.
 */

export const questionerScript: Script = (_prompt, stream) =>
  stream.integer(8) === 0 ? "what !" : `<question> how many dots plus ${stream.integer(5)} ? </question>`;

export const reasonerScript: Script = ({ image, text }, stream) => {
  const luck = stream.integer(10);
  if (luck === 0) return "<think>";
  return `<answer> ${dotsPlus(dotsIn(image), text) + (luck < 4 ? 1 : 0)} </answer>`;
};

function dotsIn({ id, data }: RgbImage): number {
  const index = /^image-(\d+)/.exec(id)?.[1];
  return index === undefined ? (data[0] ?? 0) : Number(index) % 10;
}

function dotsPlus(dots: number, question: string): number {
  return dots + Number(/plus (\d+)/.exec(question)?.[1]);
}

/** An endless folder; notes what is loaded, and fails where it is told to. */
export class FakeImages implements ImageSource {
  readonly length: number;
  readonly loaded: number[] = [];
  readonly #broken: (index: number) => boolean;
  readonly #loadMs: (index: number) => number;
  readonly #time: VirtualTime;

  constructor(
    length: number,
    time: VirtualTime,
    broken: (index: number) => boolean = () => false,
    loadMs: (index: number) => number = () => 1,
  ) {
    this.length = length;
    this.#time = time;
    this.#broken = broken;
    this.#loadMs = loadMs;
  }

  name(index: number): string {
    return `${index}.png`;
  }

  async load(index: number): Promise<Picture> {
    await this.#time.sleep(this.#loadMs(index));
    this.loaded.push(index);
    if (this.#broken(index)) throw new VisplayError("images", "truncated");
    const image = { id: `image-${index}`, width: 1, height: 1, data: Uint8Array.of(index % 10, 0, 0) };
    return { image, file: { id: image.id, extension: "dots", bytes: async () => Uint8Array.of(index) } };
  }
}

export class MemoryLog implements EventLog {
  readonly events: RunEvent[] = [];
  /** What entered curricula before the first event: in another run. */
  readonly adopted: CurriculumEpisode[] = [];

  get position(): number {
    return this.events.length;
  }

  async append(events: readonly RunEvent[]): Promise<void> {
    this.events.push(...events);
  }

  async curriculum(round: number, places: readonly number[]): Promise<CurriculumItem[]> {
    const items = this.#episodes.filter((episode) => episode.round === round).flatMap(itemsIn);
    return places.map((place) => items[place] as CurriculumItem);
  }

  async admittedQuestions(images: readonly string[]): Promise<string[][]> {
    const items = this.#episodes.flatMap(itemsIn);
    return images.map((id) => items.flatMap(({ image, question }) => (image.id === id ? question : [])));
  }

  get #episodes(): CurriculumEpisode[] {
    return [...this.adopted, ...this.events.filter((event) => event.type === "curriculumEpisode")];
  }
}

/** Ports of that world, with the fakes behind them. */
export interface World extends Ports {
  readonly time: VirtualTime;
  readonly policies: { readonly questioner: FakePolicy; readonly reasoner: FakePolicy };
  readonly images: FakeImages;
  readonly log: MemoryLog;
}

export function makeWorld(
  options: {
    readonly images?: number;
    readonly broken?: (index: number) => boolean;
    readonly loadMs?: (index: number) => number;
    readonly questioner?: Partial<FakePolicyOptions>;
    readonly reasoner?: Partial<FakePolicyOptions>;
  } = {},
): World {
  const time = new VirtualTime();
  const questioner = new FakePolicy({ script: questionerScript, time, ...options.questioner });
  const reasoner = new FakePolicy({ script: reasonerScript, time, ...options.reasoner });
  return {
    time,
    policies: { questioner, reasoner },
    reference: baseOf(questioner),
    async open() {
      for (const policy of Object.values(this.policies)) policy.reopen();
      return { policies: this.policies, reference: this.reference };
    },
    images: new FakeImages(options.images ?? 40, time, options.broken, options.loadMs),
    labelled: [],
    environments: [],
    toolkits: [],
    checkers: [],
    encode: (completion) => Int32Array.from(completion.split(" "), (word) => deriveSeed(0, word) & 0xffff),
    templates: {
      questioner: "ask",
      reasoner: "{question}",
      describer: "describe",
      reader: "{description} {question}",
      format: "tags",
    },
    log: new MemoryLog(),
    clock: time,
    folder: "run",
    pinStart: async () => {},
    stop: new AbortController().signal,
    checkpoints: null,
    evaluate: null,
    truth: {
      answer: (index, question) => String(dotsPlus(index % 10, question)),
      kind: (question) => /plus \d/.exec(question)?.[0] ?? null,
      shows: () => null,
    },
  };
}

/** A configuration small enough to look at. */
export function smallConfig(change: (config: Mutable<RunConfig>) => void = () => {}): RunConfig {
  const config = configOf({
    rounds: 1,
    trial: { images: 0 },
    questioner: {
      stepsPerRound: 3,
      imagesPerStep: 4,
      groupSize: 4,
      answersPerQuestion: 4,
      reward: { diversityWeight: 0.1, followsFromDescription: false },
    },
    curriculum: {
      ...{ images: 12, imagesPerChunk: 4, questionsPerImage: 3, answersPerQuestion: 4, views: 1 },
      evidence: { use: "none" },
    },
    reasoner: {
      stepsPerRound: 3,
      itemsPerStep: 6,
      itemsPerChunk: 3,
      groupSize: 4,
      imitation: { itemsPerStep: 0, descriptionsPerStep: 0 },
    },
    attribution: { share: 0, evaluation: false },
    coEvolution: { questions: 0 },
  });
  change(config as Mutable<RunConfig>);
  return config;
}

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

/** Policies that say these plain words until each was taught to write the tags. */
export function untaught(asked: string, answered: string): NonNullable<Parameters<typeof makeWorld>[0]> {
  const until =
    (plain: string, script: Script): Script =>
    (prompt, stream, version) =>
      version > 1 ? script(prompt, stream, version) : plain;
  return {
    questioner: { script: until(asked, questionerScript) },
    reasoner: { script: until(answered, reasonerScript) },
  };
}
