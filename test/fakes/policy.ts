import { isFaultOfPrompt, VisplayError } from "../../common/errors.ts";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import type { RgbImage } from "../../images/image.ts";
import type {
  Completion,
  Example,
  ImageFeatures,
  Policy,
  PolicyInfo,
  Prompt,
  PromptCompletions,
  SamplingOptions,
  TrainingGroup,
  UpdateOptions,
  UpdateReport,
  WeightSet,
} from "../../policy/port.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { type Asked, askedIn } from "./prompts.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What a policy says to a prompt; the stream is its only source of chance. */
export type Script = (asked: Asked, stream: RandomStream, version: number) => string;

/** One call: what, on how many prompts, and from when to when. */
export interface Call {
  readonly method: "sample" | "score" | "prepare" | "update" | "save" | "saveState" | "loadState";
  readonly size: number;
  readonly startMs: number;
  endMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface FakePolicyOptions {
  readonly script: Script;
  readonly time: VirtualTime;
  /** How long a call takes; 10 ms by default. */
  readonly durationMs?: Partial<Record<Call["method"], number>>;
  /** Throws what a call should fail with. */
  readonly fault?: (call: Pick<Call, "method">, asked: readonly Asked[], version: number) => void;
}

/** A policy without weights: it speaks by a script, and each update only counts. Calls run one after another. */
export class FakePolicy implements Policy {
  readonly calls: Call[] = [];
  readonly updates: { groups: readonly TrainingGroup[]; options: UpdateOptions }[] = [];
  readonly supervised: {
    examples: readonly Example[];
    options: { readonly learningRate: number };
  }[] = [];
  /** Both of these in turn, one for each version. */
  readonly learned: object[] = [];
  readonly scored: WeightSet[] = [];
  readonly folders: string[] = [];
  /** Versions by the folders that they were saved in. */
  readonly states: Map<string, number> = new Map();
  readonly #options: FakePolicyOptions;
  #version = 0;
  #idle: Promise<unknown> = Promise.resolve();

  constructor(options: FakePolicyOptions) {
    this.#options = options;
  }

  /** Begins anew, as the model that it is now. */
  reopen(): void {
    this.#version = 0;
  }

  async info(): Promise<PolicyInfo> {
    const looks = { scaling: null, trainsImages: false, hasToolForm: false };
    return { parameters: 0, modelType: "fake", version: this.#version, ...looks };
  }

  sample(
    prompts: readonly Prompt[],
    options: SamplingOptions,
    signal?: AbortSignal,
  ): Promise<Completion[][]> {
    return this.#call("sample", prompts, signal, () =>
      prompts.map((prompt, row) =>
        Array.from({ length: options.groupSize }, (_, i) => this.#complete(prompt, options, row, i)),
      ),
    );
  }

  #complete(
    prompt: Prompt,
    { seed, maxTokens, temperature, weights }: SamplingOptions,
    row: number,
    i: number,
  ): Completion {
    const stream = new RandomStream(deriveSeed(seed, row, i, temperature * 1000));
    // The base has not learnt anything.
    const version = weights === "reference" ? 0 : this.#version;
    const words = this.#options.script(askedIn(prompt), stream, version).split(" ");
    const kept = words.slice(0, maxTokens);
    return {
      tokens: Int32Array.from(kept, (word) => deriveSeed(0, word) & 0xffff),
      logProbs: Float32Array.from(kept, () => Math.log(1 - stream.uniform())),
      text: kept.join(" "),
      finishReason: kept.length < words.length ? "length" : "stop",
    };
  }

  score(
    groups: readonly PromptCompletions[],
    options: { readonly weights: WeightSet },
    signal?: AbortSignal,
  ): Promise<Float32Array[][]> {
    this.scored.push(options.weights);
    const prompts = groups.map(({ prompt }) => prompt);
    return this.#call("score", prompts, signal, () =>
      groups.map(({ completions }) =>
        completions.map(({ tokens }) => new Float32Array(tokens.length).fill(-1)),
      ),
    );
  }

  prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    const prompts = images.map((image) => promptAbout(image, ""));
    return this.#call("prepare", prompts, signal, () => {}).catch((error) => {
      // What it cannot take is passed over.
      if (!isFaultOfPrompt(error)) throw error;
    });
  }

  /** One row for an image: its first pixel. */
  async features(images: readonly RgbImage[]): Promise<ImageFeatures[]> {
    return images.map(({ data }) => ({
      ...{ tiles: 1, rows: 1, width: 3 },
      data: Float32Array.from(data.subarray(0, 3)),
    }));
  }

  update(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const prompts = groups.map(({ prompt }) => prompt);
    return this.#call("update", prompts, signal, () => {
      this.updates.push({ groups, options });
      this.learned.push({ groups, options });
      this.#version++;
      return { loss: 0, gradientNorm: 1, kl: 0, clipFraction: 0, tokens: 1, version: this.#version };
    });
  }

  supervise(
    examples: readonly Example[],
    options: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const prompts = examples.map(({ prompt }) => prompt);
    return this.#call("update", prompts, signal, () => {
      this.supervised.push({ examples, options });
      this.learned.push({ examples, options });
      this.#version++;
      return { loss: 0, gradientNorm: 1, kl: 0, clipFraction: 0, tokens: 1, version: this.#version };
    });
  }

  save(folder: string): Promise<void> {
    return this.#call("save", [], undefined, () => {
      this.folders.push(folder);
    });
  }

  saveState(folder: string): Promise<void> {
    return this.#call("saveState", [], undefined, () => {
      this.states.set(folder, this.#version);
    });
  }

  loadState(folder: string): Promise<void> {
    return this.#call("loadState", [], undefined, () => {
      const version = this.states.get(folder);
      if (version === undefined) throw new VisplayError("model", `${folder} holds no state`);
      this.#version = version;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Waits for its turn, takes its time, and then either fails or gives its result. */
  #call<T>(
    method: Call["method"],
    prompts: readonly Prompt[],
    signal: AbortSignal | undefined,
    result: () => T,
  ): Promise<T> {
    const { time, durationMs, fault } = this.#options;
    const turn = this.#idle.then(async () => {
      if (signal?.aborted) throw new VisplayError("cancelled", "aborted");
      const call = { method, size: prompts.length, startMs: time.now(), endMs: Number.NaN, signal };
      this.calls.push(call);
      await time.sleep(durationMs?.[method] ?? 10, signal);
      call.endMs = time.now();
      fault?.(call, prompts.map(askedIn), this.#version);
      return result();
    });
    this.#idle = turn.catch(() => {});
    return turn;
  }
}

/** Calls over time, a column for each `stepMs`: the first letters of what ran, dots where nothing did. */
export function timeline(calls: readonly Call[], stepMs: number, fromMs: number, toMs: number): string {
  const letters = {
    sample: "s",
    score: "r",
    prepare: "p",
    update: "u",
    save: "w",
    saveState: "S",
    loadState: "L",
  };
  const columns = Array.from({ length: (toMs - fromMs) / stepMs }, (_, i) => {
    const atMs = fromMs + (i + 0.5) * stepMs;
    const running = calls.find(({ startMs, endMs }) => startMs <= atMs && atMs < endMs);
    return running ? letters[running.method] : ".";
  });
  return columns.join("");
}
