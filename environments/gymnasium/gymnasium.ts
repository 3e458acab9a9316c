import { fileURLToPath } from "node:url";
import * as z from "zod";
import { VisplayError } from "../../common/errors.ts";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import { decodeImage, isTooLarge } from "../../images/decode.ts";
import type { RgbImage } from "../../images/image.ts";
import { type ReasonerTemplates, reasonerText } from "../../reasoner/prompt.ts";
import { writeAnswer } from "../../reasoner/write.ts";
import { writtenIn } from "../../reasoner/written.ts";
import {
  type Action,
  type Environment,
  EnvironmentFault,
  type Outcome,
  type ResetOptions,
  type Start,
} from "../../training/environment.ts";
import type { GymnasiumOptions } from "./options.ts";
import { SimulatorPool } from "./simulator_pool.ts";
import { type CommandLine, SimulatorProcess, SimulatorRefusal } from "./simulator_process.ts";

/** How it is played. */
export interface Playing {
  readonly tasks: number;
  /** At once, each with one call at a time. */
  readonly processes: number;
  /** What one call may take. */
  readonly timeLimitMs: number;
  /** What named it, for messages. */
  readonly setting: string;
  /** What simulates; default: this package's program in `python`. */
  readonly command?: CommandLine;
}

/** Where a trajectory stands: any simulator comes there from its seed by its actions. */
interface State {
  readonly seed: number;
  readonly actions: readonly number[];
  /** What was earned up to here. */
  readonly earned: number;
}

/** What importing all that a simulator needs may take. */
const startLimitMs = 120_000;

const openedSchema = z.object({ actions: z.array(z.string()).min(2) });
const playedSchema = z.object({
  picture: z.string(),
  reward: z.number(),
  terminated: z.boolean(),
  truncated: z.boolean(),
});
type Played = z.infer<typeof playedSchema>;

/** The program that speaks for gymnasium; it stands in the package as it does in the sources. */
const program = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "./simulator.py" : "../../../environments/gymnasium/simulator.py",
    import.meta.url,
  ),
);

/**
 * An environment of Gymnasium that renders pictures, in processes of the user's Python. Its actions are named in the prompt;
 * a turn is one of them. Throws a `VisplayError` of code "config" where it cannot be played.
 */
export async function openGymnasium(
  options: GymnasiumOptions,
  playing: Playing,
  templates: ReasonerTemplates,
): Promise<Environment> {
  const { setting, processes } = playing;
  const first = await start(options, playing);
  const pool = new SimulatorPool(
    processes,
    first.simulator,
    async () => (await start(options, playing)).simulator,
  );
  const names = options.actions ?? first.names;
  try {
    if (names.length !== first.names.length)
      throw new VisplayError(
        "config",
        `${setting}.options.actions: found ${names.length}, expected ${first.names.length}, one for each of ${first.names.join(", ")}`,
      );
    const environment = new Gymnasium(pool, names, options, playing, templates);
    await environment.reset(0, { seed: 0, fit: () => null });
    return environment;
  } catch (error) {
    await pool[Symbol.asyncDispose]();
    if (!(error instanceof EnvironmentFault)) throw error;
    throw new VisplayError("config", `${setting}: ${options.id}: ${error.message}`, { cause: error });
  }
}

class Gymnasium implements Environment {
  readonly name: string;
  readonly tasks: number;
  readonly #pool: SimulatorPool;
  readonly #names: readonly string[];
  readonly #success: number;
  readonly #timeLimitMs: number;
  readonly #question: string;
  readonly #text: string;
  readonly #templates: ReasonerTemplates;

  constructor(
    pool: SimulatorPool,
    names: readonly string[],
    { id, question, success }: GymnasiumOptions,
    { tasks, timeLimitMs }: Playing,
    templates: ReasonerTemplates,
  ) {
    this.name = id;
    this.tasks = tasks;
    this.#pool = pool;
    this.#names = names;
    this.#success = success ?? Number.POSITIVE_INFINITY;
    this.#timeLimitMs = timeLimitMs;
    this.#question = question.replace("{actions}", names.join(", "));
    this.#text = reasonerText(this.#question, templates);
    this.#templates = templates;
  }

  async reset(task: number, { seed, signal }: ResetOptions): Promise<Start> {
    const state: State = { seed, actions: [], earned: 0 };
    const { picture } = await this.#play(state, signal);
    return {
      turns: [{ role: "user", parts: [await pictureOf(picture), this.#text] }],
      state,
      name: `${this.name}, ${task}`,
      question: this.#question,
      label: null,
      file: null,
    };
  }

  async step(given: unknown, { text, finishReason }: Action, signal?: AbortSignal): Promise<Outcome> {
    const { seed, actions, earned } = given as State;
    const action = actionIn(writtenIn(text, finishReason === "length").answer ?? "", this.#names);
    if (action === null) return { turns: null, parts: { unread: -1 }, success: false };
    const next = { seed, actions: [...actions, action] };
    const { picture, reward, terminated, truncated } = await this.#play(next, signal);
    const state: State = { ...next, earned: earned + reward };
    if (terminated || truncated)
      return { turns: null, parts: { reward }, success: state.earned >= this.#success };
    return {
      turns: [{ role: "user", parts: [await pictureOf(picture), this.#text] }],
      state,
      parts: { reward },
    };
  }

  /** Any action: nobody here knows better, and who imitates it learns how actions are said. */
  async demonstrate(given: unknown, turn: number): Promise<string> {
    const { seed } = given as State;
    const name = new RandomStream(deriveSeed(seed, "any", turn)).pick(this.#names);
    return writeAnswer(this.#templates.format, name, null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }

  async #play({ seed, actions }: Omit<State, "earned">, signal: AbortSignal | undefined): Promise<Played> {
    const place = (some: readonly number[]) => `${seed} ${some.join()}`;
    const options = { timeLimitMs: this.#timeLimitMs, signal };
    const args = { seed, actions };
    const given = await this.#pool.call("play", args, place(actions.slice(0, -1)), place(actions), options);
    const { success, data } = playedSchema.safeParse(given);
    if (success) return data;
    throw new EnvironmentFault("nonsense", "found no picture, reward and end in what its simulator answered");
  }
}

/** The action that is named: the one whose name is said, or the longest one whose name is among the words. */
export function actionIn(answer: string, names: readonly string[]): number | null {
  const said = ` ${words(answer)} `;
  let best: number | null = null;
  for (const [i, name] of names.entries()) {
    if (!said.includes(` ${words(name)} `)) continue;
    if (best === null || words(name).length > words(names[best] as string).length) best = i;
  }
  return best;
}

function words(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}.+_-]+/gu, " ")
    .replace(/\.(?= |$)/g, "")
    .trim();
}

async function pictureOf(base64: string): Promise<RgbImage> {
  try {
    return await decodeImage(Buffer.from(base64, "base64"), null);
  } catch (error) {
    if (!(error instanceof VisplayError)) throw error;
    throw new EnvironmentFault(isTooLarge(error) ? "tooLarge" : "nonsense", `a picture: ${error.message}`);
  }
}

/** A process that has the environment, and what its actions are called. */
async function start(
  { id, kwargs, python, levels }: GymnasiumOptions,
  { setting, command = [python, program] }: Playing,
): Promise<{ readonly simulator: SimulatorProcess; readonly names: readonly string[] }> {
  const simulator = new SimulatorProcess(command);
  try {
    const opened = await simulator.call("open", { env: id, kwargs, levels }, { timeLimitMs: startLimitMs });
    const { success, data } = openedSchema.safeParse(opened);
    if (success) return { simulator, names: data.actions };
    throw new EnvironmentFault("nonsense", "found no actions in what its simulator answered");
  } catch (cause) {
    simulator[Symbol.dispose]();
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES") {
      const found = `found no program ${JSON.stringify(command[0])} that can be run`;
      const expected = "expected a Python that has gymnasium (python3 -m pip install gymnasium)";
      throw new VisplayError("config", `${setting}.options.python: ${found}, ${expected}`, { cause });
    }
    if (cause instanceof SimulatorRefusal || cause instanceof EnvironmentFault)
      throw new VisplayError("config", `${setting}: ${id}: ${message}`, { cause });
    throw cause;
  }
}
