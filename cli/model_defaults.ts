import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { VisplayError } from "../common/errors.ts";
import { parseJson } from "../common/json.ts";
import type { Role } from "../replay/self_play.ts";

/** What a model's folder says, in visplay.json, of what its policies are told and how long completions may be. */
export interface ModelDefaults {
  readonly prompts: ModelPrompts;
  /** Tokens. */
  readonly maxTokens: ByRole<number>;
}

/** What a model was taught to be told. */
interface ModelPrompts extends ByRole<string> {
  readonly describer?: string | undefined;
  readonly reader?: string | undefined;
}

type ByRole<T> = { readonly [role in Role]?: T | undefined };

const someText = z.string().min(1);
const someTokens = z.int().min(1);

const schema: z.ZodType<ModelDefaults> = z.object({
  prompts: z
    .object({ questioner: someText, reasoner: someText, describer: someText, reader: someText })
    .partial()
    .default({}),
  maxTokens: z.object({ questioner: someTokens, reasoner: someTokens }).partial().default({}),
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
