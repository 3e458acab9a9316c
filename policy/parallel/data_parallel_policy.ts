import { settleAll } from "../../common/in_parallel.ts";
import type { RgbImage } from "../../images/image.ts";
import { type LearningTask, type Replica, updateReport } from "../embedded/replica.ts";
import type {
  Completion,
  Example,
  ImageFeatures,
  Policy,
  PolicyInfo,
  Prompt,
  SamplingOptions,
  TrainingGroup,
  UpdateOptions,
  UpdateReport,
} from "../port.ts";
import { imagesIn } from "../prompts.ts";

/**
 * A policy of several replicas that share out every call: neighbouring prompts, images or groups to each. A step
 * computes each replica's gradient, of which all take the same mean, so that their weights stay equal bit for bit.
 */
export class DataParallelPolicy implements Policy {
  readonly #replicas: readonly Replica[];
  /** One gradient per replica, in memory that all of them see. */
  readonly #gradients: readonly Float32Array[];
  /** The last update's gradients: what is called later waits until its step has been asked for. */
  #differentiated: Promise<unknown> = Promise.resolve();

  private constructor(replicas: readonly Replica[], parameters: number) {
    this.#replicas = replicas;
    this.#gradients = replicas.map(() => new Float32Array(new SharedArrayBuffer(4 * parameters)));
  }

  /** Joins policies with equal weights, which it owns from now on; where one cannot be opened, none stays open. */
  static async open(replicas: readonly Promise<Replica>[]): Promise<DataParallelPolicy> {
    const opened = await Promise.allSettled(replicas);
    const open = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = opened.find((result) => result.status === "rejected");
    if (failed) {
      await closeAll(open);
      throw failed.reason;
    }
    const { parameters } = await (open[0] as Replica).info();
    return new DataParallelPolicy(open, parameters);
  }

  async info(): Promise<PolicyInfo> {
    await this.#differentiated;
    return this.#first.info();
  }

  async sample(
    prompts: readonly Prompt[],
    options: SamplingOptions,
    signal?: AbortSignal,
  ): Promise<Completion[][]> {
    await this.#differentiated;
    const shares = shareOut(prompts, this.#replicas.length, imagesOf);
    const completions = await settleAll(
      shares.map(({ items, start }, i) => {
        return this.#replica(i).sample(items, { ...options, firstPrompt: start }, signal);
      }),
    );
    return completions.flat();
  }

  async score(...[groups, options, signal]: Parameters<Policy["score"]>): Promise<Float32Array[][]> {
    await this.#differentiated;
    const shares = shareOut(groups, this.#replicas.length, ({ prompt }) => imagesOf(prompt));
    const scores = await settleAll(
      shares.map(({ items }, i) => this.#replica(i).score(items, options, signal)),
    );
    return scores.flat();
  }

  async prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    await this.#differentiated;
    const shares = shareOut(images, this.#replicas.length, ({ id }) => id);
    await settleAll(shares.map(({ items }, i) => this.#replica(i).prepare(items, signal)));
  }

  async features(...[images, options, signal]: Parameters<Policy["features"]>): Promise<ImageFeatures[]> {
    await this.#differentiated;
    const shares = shareOut(images, this.#replicas.length, ({ id }) => id);
    const features = await settleAll(
      shares.map(({ items }, i) => this.#replica(i).features(items, options, signal)),
    );
    return features.flat();
  }

  update(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const shares = shareOut(groups, this.#replicas.length, ({ prompt }) => imagesOf(prompt));
    const tasks = shares.map(({ items }): LearningTask => ({ kind: "grpo", groups: items, options }));
    return this.#learn(tasks, options.learningRate, signal);
  }

  supervise(
    examples: readonly Example[],
    { learningRate }: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const shares = shareOut(examples, this.#replicas.length, ({ prompt }) => imagesOf(prompt));
    const tasks = shares.map(({ items }): LearningTask => ({ kind: "imitation", examples: items }));
    return this.#learn(tasks, learningRate, signal);
  }

  async save(folder: string): Promise<void> {
    await this.#differentiated;
    await this.#first.save(folder);
  }

  async saveState(folder: string): Promise<void> {
    await this.#differentiated;
    await this.#first.saveState(folder);
  }

  async loadState(folder: string): Promise<void> {
    await this.#differentiated;
    await settleAll(this.#replicas.map((replica) => replica.loadState(folder)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeAll(this.#replicas);
  }

  async #learn(
    tasks: readonly LearningTask[],
    learningRate: number,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const earlier = this.#differentiated;
    const differentiated = (async () => {
      await earlier;
      return settleAll(
        tasks.map((task, i) => this.#replica(i).differentiate(task, this.#gradient(i), signal)),
      );
    })();
    this.#differentiated = differentiated.catch(() => {});
    const sums = await differentiated;
    const shares = sums.map(({ loss, weight }, i) => ({ loss, weight, gradient: this.#gradient(i) }));
    const [step] = await settleAll(this.#replicas.map((replica) => replica.step(shares, learningRate)));
    return updateReport(step as Awaited<ReturnType<Replica["step"]>>, sums);
  }

  get #first(): Replica {
    return this.#replica(0);
  }

  #replica(i: number): Replica {
    return this.#replicas[i] as Replica;
  }

  #gradient(i: number): Float32Array {
    return this.#gradients[i] as Float32Array;
  }
}

/** What prompts about the same images have in common. */
function imagesOf({ turns }: Prompt): string {
  return imagesIn(turns)
    .map(({ id }) => id)
    .join("\0");
}

/** Consecutive items for one replica. */
interface Share<T> {
  readonly items: readonly T[];
  /** The place of the first among all. */
  readonly start: number;
}

/**
 * At most `count` shares of nearly the same size, none empty. What shares an image stays together where that moves
 * a boundary by no more than a quarter of a share, so that no image is encoded twice.
 */
export function shareOut<T>(items: readonly T[], count: number, imageOf: (item: T) => string): Share<T>[] {
  const size = items.length / count;
  const parts = (at: number): boolean =>
    at > 0 && at < items.length && imageOf(items[at - 1] as T) !== imageOf(items[at] as T);
  const boundary = (share: number): number => {
    if (share === 0) return 0;
    const wanted = Math.round(share * size);
    for (let away = 0; away <= size / 4; away++) {
      const near = [wanted - away, wanted + away].find(parts);
      if (near !== undefined) return near;
    }
    return wanted;
  };
  return Array.from({ length: count }, (_, share) => boundary(share))
    .map((start, share, starts) => ({ start, items: items.slice(start, starts[share + 1]) }))
    .filter((share) => share.items.length > 0);
}

async function closeAll(replicas: readonly Replica[]): Promise<void> {
  await settleAll(replicas.map(async (replica) => replica[Symbol.asyncDispose]()));
}
