import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { diskError } from "../../common/disk.ts";
import { VisplayError } from "../../common/errors.ts";
import { parseJson } from "../../common/json.ts";
import { exists } from "../model_files.ts";

/** What stands in a folder in place of weights that a server keeps. */
export interface EngineState {
  readonly version: 1;
  /** The server that has them. */
  readonly url: string;
  /** Their path there. */
  readonly path: string;
  /** Whether the optimiser's state lies with them. */
  readonly hasOptimizer: boolean;
  /** The adapter alone, where that was saved to be downloaded. */
  readonly adapter: string | null;
  /** The base by the server's name. */
  readonly baseModel: string;
  readonly rank: number;
  /** Log-probabilities of a fixed text under the base, by which it is known again; null where they were not asked for. */
  readonly baseLogProbs: readonly number[] | null;
  /** Optimiser steps taken. */
  readonly steps: number;
}

const fileName = "engine.json";

const EngineStateSchema: z.ZodType<EngineState> = z.strictObject({
  version: z.literal(1),
  url: z.string(),
  path: z.string(),
  hasOptimizer: z.boolean(),
  adapter: z.string().nullable(),
  baseModel: z.string(),
  rank: z.int(),
  baseLogProbs: z.array(z.number()).nullable(),
  steps: z.int().nonnegative(),
});

/** Whether a folder names weights on a server. */
export function isEngineFolder(folder: string): Promise<boolean> {
  return exists(join(folder, fileName));
}

/** Throws "model" where the folder names no weights on a server. */
export async function readEngineState(folder: string): Promise<EngineState> {
  const file = join(folder, fileName);
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    throw new VisplayError("model", `${file}: ${cause.message}; expected what an engine has of the weights`, {
      cause,
    });
  });
  const found = EngineStateSchema.safeParse(parseJson(text));
  if (found.success) return found.data;
  throw new VisplayError("model", `${file}: ${z.prettifyError(found.error)}`, { cause: found.error });
}

/** Throws "disk". */
export async function writeEngineState(folder: string, state: EngineState): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, fileName), `${JSON.stringify(state, null, 2)}\n`);
  } catch (cause) {
    throw diskError(folder, cause);
  }
}
