import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Feeds } from "../../autodiff/onnx/session.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import { exists, modelError } from "../model_files.ts";
import type { SamplingPrecision } from "../options.ts";
import type { SamplerGap, SamplerReport } from "../port.ts";
import { writeModelFile } from "../weights/model_weights.ts";
import { type ByteMatrix, comparing, withBytes } from "./byte_layers.ts";
import { byteSteps, exactByteSteps } from "./byte_steps.ts";
import { ByteWeights } from "./byte_weights.ts";
import { type Outputs, prefillGraph } from "./graphs.ts";
import { isLarge } from "./model_size.ts";
import { type EncodedPrompt, type PrefillBatch, prefillBatches, prefillFeeds } from "./prefill.ts";
import type { Decoding } from "./sampler.ts";
import type { GraphTools } from "./sessions.ts";

/** Of a layer's product with bytes, relative to its own: with more, the layer keeps its 32 bits. */
const bearableError = 0.1;

/** What sampling in eight bits has come to; it is saved with the policy, so that one that goes on samples alike. */
interface State {
  /** Layers that keep their 32 bits, with their error; null before it was measured. */
  readonly floatLayers: Readonly<Record<string, number | null>> | null;
  /** Whether all is sampled in 32 bits after all. */
  readonly givenUp: boolean;
  /** What no update has reported yet. */
  readonly news: readonly string[];
}

const fresh: State = { floatLayers: null, givenUp: false, news: [] };
const fileName = "sampling_precision.json";

/**
 * Whether a model with such weights decodes in eight bits: `auto` does where they are large and the processor has eight-bit
 * dot products.
 */
export async function samplesInBytes(
  precision: SamplingPrecision["precision"] | undefined,
  weights: Parameters<typeof isLarge>[0],
): Promise<boolean> {
  if (precision !== "auto") return precision === "int8";
  return isLarge(weights) && (await exactByteSteps()) === byteSteps.exact;
}

/** What is known of the weights that are to speak. */
export interface Speaking {
  /** Names their numbers. */
  readonly key: string;
  readonly views: Readonly<Record<string, Float32Array>>;
}

/** Decoding in eight bits: which layers bear it is measured on the first prompts, and it is given up where it misleads. */
export class ByteDecoding {
  readonly #tools: GraphTools;
  readonly #forwardTokens: number;
  readonly #options: SamplingPrecision;
  #opened: Promise<ByteWeights> | undefined;
  #state: State = fresh;

  constructor(tools: GraphTools, forwardTokens: number, options: SamplingPrecision) {
    this.#tools = tools;
    this.#forwardTokens = forwardTokens;
    this.#options = options;
  }

  /** How prompts are gone on from; null where all layers keep their 32 bits. */
  async of(speaking: Speaking, prompts: readonly EncodedPrompt[]): Promise<Decoding | null> {
    if (this.#state.givenUp || prompts.length === 0) return null;
    const bytes = await this.#weights();
    const fed = await bytes.feeds(speaking.key, speaking.views);
    if (this.#state.floatLayers === null) {
      await this.#tellBits();
      this.#keep(unbearable(await this.#errors(speaking, fed, prompts)));
    }
    const floatLayers = Object.keys(this.#state.floatLayers ?? {});
    const matrices = new Map([...bytes.matrices].filter(([name]) => !floatLayers.includes(name)));
    if (matrices.size === 0) return null;
    return { tensors: withBytes(this.#tools.tensors, matrices, bytes.adapters), feeds: fed, floatLayers };
  }

  /**
   * After numbers that are none: the layers that overflow on these prompts keep their 32 bits from now on, or all where it is
   * not seen which.
   */
  async blame(speaking: Speaking, prompts: readonly EncodedPrompt[]): Promise<void> {
    const bytes = await this.#weights();
    const errors = await this.#errors(speaking, await bytes.feeds(speaking.key, speaking.views), prompts);
    const { floatLayers: known } = this.#state;
    const more = Object.fromEntries(
      Object.entries(errors).filter(([name, error]) => error === null && !Object.hasOwn(known ?? {}, name)),
    );
    if (Object.keys(more).length > 0) this.#keep(more);
    else this.#giveUp("what was computed in eight bits were no numbers");
  }

  /** Gives eight bits up where what they sample is too far from the policy that learns. */
  judge({ mean }: SamplerGap): void {
    const { maxGap } = this.#options;
    if (this.#state.givenUp || mean <= maxGap) return;
    const found = `log-probabilities of samples differ by ${mean.toPrecision(3)} in the mean from those that are learnt from`;
    this.#giveUp(`${found}, more than sampling.maxGap (${maxGap})`);
  }

  /** How it samples now; each piece of news is told once. */
  report(): SamplerReport {
    const { floatLayers, givenUp, news } = this.#state;
    this.#state = { ...this.#state, news: [] };
    return { precision: givenUp ? "float32" : "int8", floatLayers: Object.keys(floatLayers ?? {}), news };
  }

  async save(folder: string): Promise<void> {
    await writeModelFile(join(folder, fileName), this.#state);
  }

  /** Goes on from what `save` wrote; anew where a policy that sampled in 32 bits was saved. */
  async load(folder: string): Promise<void> {
    const path = join(folder, fileName);
    (await this.#opened)?.forget();
    this.#state = (await exists(path)) ? parseState(path, await readFile(path, "utf8")) : fresh;
  }

  /** Some more layers keep their 32 bits. */
  #keep(layers: Readonly<Record<string, number | null>>): void {
    const { floatLayers, news } = this.#state;
    const names = Object.entries(layers).map(([name, error]) => {
      return `${name} (${error === null ? "no numbers" : `error ${error.toPrecision(2)}`})`;
    });
    const told = names.length > 0 ? [`sampled in 32 bits: ${names.join(", ")}`] : [];
    this.#state = { ...this.#state, floatLayers: { ...floatLayers, ...layers }, news: [...news, ...told] };
  }

  #giveUp(reason: string): void {
    const { news } = this.#state;
    this.#state = { ...this.#state, givenUp: true, news: [...news, `all is sampled in 32 bits: ${reason}`] };
  }

  async #tellBits(): Promise<void> {
    if ((await exactByteSteps()) === byteSteps.exact) return;
    const found =
      "this processor has no eight-bit dot products: weights are rounded to seven bits for sampling";
    this.#state = { ...this.#state, news: [...this.#state.news, found] };
  }

  #weights(): Promise<ByteWeights> {
    this.#opened ??= exactByteSteps().then((steps) => ByteWeights.open(this.#tools, steps));
    return this.#opened;
  }

  /** The error of each layer on the first of some prompts that are computed together; null for what is no number. */
  async #errors(
    { views }: Speaking,
    fed: Feeds,
    prompts: readonly EncodedPrompt[],
  ): Promise<Record<string, number | null>> {
    const { model, sessions } = this.#tools;
    const { matrices } = await this.#weights();
    const [batch] = prefillBatches(model, prompts, this.#forwardTokens) as [PrefillBatch];
    const session = await sessions.get("errors", batch.shape, () =>
      errorGraph(this.#tools, matrices, batch.shape),
    );
    const inverse_temperature = Float32Array.of(1);
    const feeds = { ...views, ...fed, inverse_temperature, ...prefillFeeds(model, prompts, batch) };
    const outputs = await session.run(feeds);
    return Object.fromEntries(
      [...matrices.keys()].map((name) => {
        const [error] = outputs[errorName(name)] as Float32Array;
        return [name, Number.isFinite(error) ? (error as number) : null];
      }),
    );
  }
}

const errorName = (layer: string): string => `error of ${layer}`;

/** Gives the error of each layer's product with bytes where prompts begin, under `error of` and its name. */
function errorGraph(
  { model, tensors }: GraphTools,
  matrices: ReadonlyMap<string, ByteMatrix>,
  shape: PrefillBatch["shape"],
): Outputs {
  const errors = new Map<string, Tensor>();
  prefillGraph(model, comparing(tensors, matrices, errors), shape);
  return Object.fromEntries([...errors].map(([name, error]) => [errorName(name), error]));
}

function unbearable(errors: Readonly<Record<string, number | null>>): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(errors).filter(([, error]) => error === null || error > bearableError),
  );
}

function parseState(path: string, text: string): State {
  try {
    const { floatLayers, givenUp, news } = JSON.parse(text) as State;
    return { floatLayers, givenUp, news };
  } catch {
    throw modelError(path, "is no JSON; expected which layers sample in 32 bits");
  }
}
