import { isAbsolute, resolve } from "node:path";
import * as z from "zod";
import { VisplayError } from "../../common/errors.ts";
import { decodeImage, defaultLimits, isTooLarge, readImage } from "../../images/decode.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";
import type { ReadTurn, TurnPart } from "../../policy/port.ts";
import type { Constraint, Costs } from "../../rewards/constraints.ts";
import type { Parts } from "../../rewards/parts.ts";
import { EnvironmentFault, type Outcome, type Start } from "../../training/environment.ts";

/** What a module of a user's own gives, as it was found. */
type Given = Readonly<Record<string, unknown>>;

/**
 * How a task begins, by what `reset` of a user's own module gave; pictures' paths count from `folder`. Throws an
 * `EnvironmentFault` "nonsense", which says what was found and what was expected.
 */
export async function startOf(given: unknown, folder: string, name: string): Promise<Start> {
  const { turn, state, question, label, name: own } = recordOf(given, "reset", startForm);
  const turns = await turnsOf(turn, undefined, folder, "reset", startForm);
  if (!turns.some(({ parts }) => parts.some((part) => typeof part !== "string")))
    throw nonsense("reset", "a turn without a picture", startForm);
  const text = turns.flatMap(({ parts }) => parts.filter((part) => typeof part === "string")).join("\n");
  return {
    turns,
    state: plain(state, "reset"),
    name: typeof own === "string" ? own : name,
    question: typeof question === "string" ? question : text,
    label: typeof label === "string" ? label : null,
    file: null,
  };
}

/** What an action led to, by what `step` of a user's own module gave; as `startOf`. */
export async function outcomeOf(given: unknown, folder: string): Promise<Outcome> {
  const { turn, state, role, done, parts = {}, success = false, ...own } = recordOf(given, "step", stepForm);
  const costs = own.costs === undefined ? {} : { costs: costsOf(own.costs, "step") };
  if (done === true) {
    if (parts !== null && !isParts(parts)) throw nonsense("step", `parts ${shown(parts)}`, stepForm);
    return { turns: null, parts, success: success === true, ...costs };
  }
  if (!isParts(parts)) throw nonsense("step", `parts ${shown(parts)}`, stepForm);
  const turns = await turnsOf(turn, role, folder, "step", stepForm);
  return { turns, state: plain(state, "step"), parts, ...costs };
}

/** What is to be said, by what `demonstrate` of a user's own module gave; as `startOf`. */
export function demonstrationOf(given: unknown, method = "demonstrate"): string {
  if (typeof given === "string" && given.trim() !== "") return given;
  throw nonsense(method, shown(given), "expected what is to be said");
}

/** How far constraints were or would be violated, by what a module of a user's own gave; as `startOf`. */
export function costsOf(given: unknown, method: string): Costs {
  if (isParts(given) && Object.values(given).every((cost) => cost >= 0)) return given;
  throw nonsense(method, `costs ${shown(given)}`, "expected numbers from 0 by the names of constraints");
}

const constraintForm = z.array(
  z.strictObject({ name: z.string().min(1), kind: z.enum(["hard", "soft"]), penalty: z.number().positive() }),
);

/** What must not happen, by what a module says. Throws "config", which names the module as `who`. */
export function requireConstraints(given: unknown, who: string): readonly Constraint[] {
  const read = constraintForm.safeParse(given);
  if (read.success) return read.data;
  const form = 'a list of {name, kind: "hard" or "soft", penalty}, penalties above 0';
  throw new VisplayError("config", `${who} gave constraints ${shown(given)}, expected ${form}`);
}

/** How right what was said of the picture is, by what `understanding` of a user's own module gave; as `startOf`. */
export function understandingOf(given: unknown): number | null {
  if (given === null || (typeof given === "number" && given >= 0 && given <= 1)) return given;
  throw nonsense("understanding", shown(given), "expected a number from 0 to 1, or null");
}

/** What a tool said, by what `run` of a user's own module gave; as `startOf`. */
export function answerOf(given: unknown, folder: string): Promise<TurnPart[]> {
  return partsOf(given, folder, "run", `expected ${turnForm}`);
}

const turnForm = "a text, a picture ({file}, {bytes} or {width, height, data}), or a list of them";
const startForm = `expected {turn, state}, where a turn is ${turnForm}`;
const stepForm = `expected {turn, state, parts} or {done: true, parts, success}, where parts are finite numbers by name`;

function recordOf(given: unknown, method: string, form: string): Given {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given as Given;
  throw nonsense(method, shown(given), form);
}

async function turnsOf(
  turn: unknown,
  role: unknown,
  folder: string,
  method: string,
  form: string,
): Promise<ReadTurn[]> {
  const parts = await partsOf(turn, folder, method, form);
  if (role !== undefined && role !== "user" && role !== "tool")
    throw nonsense(method, `the role ${shown(role)}`, 'expected "user" or "tool"');
  return [{ role: role ?? "user", parts }];
}

async function partsOf(turn: unknown, folder: string, method: string, form: string): Promise<TurnPart[]> {
  const list: unknown[] = Array.isArray(turn) ? turn : [turn];
  if (list.length === 0) throw nonsense(method, "an empty turn", form);
  const parts: TurnPart[] = [];
  for (const part of list)
    parts.push(typeof part === "string" ? part : await pictureOf(part, folder, method, form));
  return parts;
}

async function pictureOf(part: unknown, folder: string, method: string, form: string): Promise<RgbImage> {
  const { file, bytes, width, height, data } = recordOf(part, method, form);
  try {
    if (typeof file === "string") {
      const path = isAbsolute(file) ? file : resolve(folder, file);
      return await decodeImage(await readImage(path, file, defaultLimits), file);
    }
    if (bytes instanceof Uint8Array) return await decodeImage(bytes, null);
    if (data instanceof Uint8Array) return imageOf(Number(width), Number(height), Uint8Array.from(data));
  } catch (error) {
    if (isTooLarge(error))
      throw new EnvironmentFault("tooLarge", `${method} gave a picture: ${error.message}`);
    if (error instanceof VisplayError || error instanceof RangeError)
      throw nonsense(method, `a picture that cannot be used (${error.message})`, form);
    throw error;
  }
  throw nonsense(method, shown(part), form);
}

function isParts(parts: unknown): parts is Parts {
  if (typeof parts !== "object" || parts === null || Array.isArray(parts)) return false;
  return Object.values(parts).every((value) => Number.isFinite(value));
}

/** A state that can go to another thread. */
function plain(state: unknown, method: string): unknown {
  try {
    return structuredClone(state);
  } catch (cause) {
    throw nonsense(
      method,
      `a state that is no plain data (${(cause as Error).message})`,
      "expected one that can be cloned",
    );
  }
}

function nonsense(method: string, found: string, expected: string): EnvironmentFault {
  return new EnvironmentFault("nonsense", `${method} gave ${found}, ${expected}`);
}

function shown(value: unknown): string {
  const text = typeof value === "function" ? "a function" : JSON.stringify(value);
  const whole = text ?? String(value);
  return whole.length > 80 ? `${whole.slice(0, 79)}…` : whole;
}
