import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { VisplayError } from "../common/errors.ts";
import { parseJson } from "../common/json.ts";
import type { Role } from "../replay/self_play.ts";

/** What a model's folder says, in visplay.json, of what its policies are told and how long completions may be. */
export interface ModelDefaults {
  readonly prompts: ByRole<string>;
  /** Tokens. */
  readonly maxTokens: ByRole<number>;
}

type ByRole<T> = { readonly [role in Role]?: T | undefined };

const byRole = <T>(value: z.ZodType<T>): z.ZodType<ByRole<T>> =>
  z.object({ questioner: value, reasoner: value }).partial().default({});

const schema: z.ZodType<ModelDefaults> = z.object({
  prompts: byRole(z.string().min(1)),
  maxTokens: byRole(z.int().min(1)),
});

/** Reads them; a folder without the file says nothing. Throws "model" where they are of another form. */
export async function readModelDefaults(folder: string): Promise<ModelDefaults> {
  const file = join(folder, "visplay.json");
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "{}";
    throw new VisplayError("model", `${file}: cannot be read: ${cause.message}`, { cause });
  });
  const { success, data } = schema.safeParse(parseJson(text));
  if (success) return data;
  const expected =
    '{"prompts": {"questioner": …, "reasoner": …}, "maxTokens": {"questioner": …, "reasoner": …}}';
  throw new VisplayError("model", `${file}: expected ${expected}, or less of it`);
}
