import { copyFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { referencePath } from "../reference_dir.ts";

const taggedTemplate = fileURLToPath(new URL("tagged_calls.jinja", import.meta.url));

/**
 * The tiny Qwen3-VL with the tags of calls among its tokens, and one of the templates that have a form for tools; "tagged" writes
 * calls as Qwen3.5 does.
 */
export async function toolModel(
  template: "qwen3_vl" | "qwen2_5" | "tagged",
): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "visplay-tool-model-"));
  const wanted = /(config|generation_config|preprocessor_config|model)\.(json|safetensors)$|qwen3_vl-tiny$/;
  await cp(referencePath("qwen3_vl-tiny"), folder, { recursive: true, filter: (path) => wanted.test(path) });
  for (const name of ["tokenizer.json", "tokenizer_config.json"])
    await copyFile(referencePath(`tools/${name}`), join(folder, name));
  const source = template === "tagged" ? taggedTemplate : referencePath(`tools/${template}.jinja`);
  await copyFile(source, join(folder, "chat_template.jinja"));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
