import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Failure } from "../common/errors.ts";
import { VisplayError } from "../common/errors.ts";
import { parseJson } from "../common/json.ts";
import type { Alarm, AlarmName, CheckpointSaved } from "../replay/events.ts";
import type { Standing } from "./tracker.ts";

/** The heartbeat's name in the folder of a run. */
export const BEAT_NAME = "status.json";

/** What a run says about itself, about once a second. */
export interface Beat {
  readonly version: 1;
  readonly state: "running" | "finished" | "failed" | "stopped";
  readonly failure: Failure | null;
  readonly pid: number;
  readonly host: string;
  /** How often the run was started, this time included. */
  readonly attempt: number;
  /** Milliseconds since 1970 by the time of day: the attempt's start, and this beat. */
  readonly startedAtMs: number;
  readonly beatAtMs: number;
  /** How long this attempt has run, by a clock that does not jump. */
  readonly runningMs: number;
  /** What the run waits for, such as room on the disk; null where it goes on. */
  readonly waitsFor: string | null;
  /** Null before the first phase. */
  readonly standing: Standing | null;
  /** What the policies are at, in words; none before a step takes long. */
  readonly activity: readonly string[];
  /** Mean reward of each role's last step; null before it. */
  readonly rewards: Readonly<Record<string, number | null>>;
  /** Mean confidence of the last step that voted. */
  readonly confidence: number | null;
  /** How right and sure the base and the Reasoner were of the last round's questions, and so on, percent; null before it. */
  readonly questions: { readonly round: number; readonly figures: Readonly<Record<string, number>> } | null;
  /** The last checkpoint, and when by the time of day it was saved. */
  readonly lastSave: (Pick<CheckpointSaved, "id" | "round"> & { readonly atMs: number }) | null;
  readonly alarms: readonly Pick<Alarm, "round" | "phase" | "name" | "message">[];
}

const text = z.string();
const number = z.number();
const known = number.nullable();

const schema = z.object({
  version: z.literal(1),
  state: z.enum(["running", "finished", "failed", "stopped"]),
  failure: z.object({ code: text, message: text }).nullable(),
  pid: number,
  host: text,
  attempt: number,
  startedAtMs: number,
  beatAtMs: number,
  runningMs: number,
  waitsFor: text.nullable().default(null),
  standing: z
    .object({
      round: number,
      rounds: number,
      phase: text,
      step: number,
      steps: number,
      remainingMs: known,
      tokensPerSecond: known,
      reward: known,
      confidence: known,
      trajectories: z.object({ turns: number, unfinished: number, faults: number }).nullable().default(null),
      causes: z.record(text, known).nullable().default(null),
    })
    .nullable(),
  activity: z.array(text).default([]),
  rewards: z.record(text, known),
  confidence: known,
  questions: z
    .object({ round: number, figures: z.record(text, number) })
    .nullable()
    .default(null),
  lastSave: z.object({ id: text, round: number, atMs: number }).nullable(),
  alarms: z.array(
    z.object({ round: number, phase: text, name: text as z.ZodType<AlarmName>, message: text }),
  ),
});

/** The last beat of a run. Throws "notARun" for a folder without one, or one that cannot be read. */
export async function readBeat(folder: string): Promise<Beat> {
  const path = join(folder, BEAT_NAME);
  const content = await readFile(path, "utf8").catch((cause) => {
    const found = cause.code === "ENOENT" ? `no ${BEAT_NAME}` : cause.message;
    const message = `${folder} is no run's folder: found ${found}, expected what \`visplay train --out\` writes`;
    throw new VisplayError("notARun", message, { cause });
  });
  const { success, data, error } = schema.safeParse(parseJson(content));
  if (success) return data;
  const problem = error.issues[0];
  const where = problem && problem.path.length > 0 ? `${problem.path.join(".")}: ` : "";
  const message = `${path} is damaged: ${where}${problem?.message}; the run itself is not, see summary.json`;
  throw new VisplayError("notARun", message);
}
