import { copyFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { referencePath } from "../reference_dir.ts";

/** The tiny Qwen3-VL with the tags of calls among its tokens, and one of the templates that have a form for tools. */
export async function toolModel(
  template: "qwen3_vl" | "qwen2_5",
): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "visplay-tool-model-"));
  const wanted = /(config|generation_config|preprocessor_config|model)\.(json|safetensors)$|qwen3_vl-tiny$/;
  await cp(referencePath("qwen3_vl-tiny"), folder, { recursive: true, filter: (path) => wanted.test(path) });
  for (const name of ["tokenizer.json", "tokenizer_config.json"])
    await copyFile(referencePath(`tools/${name}`), join(folder, name));
  await copyFile(referencePath(`tools/${template}.jinja`), join(folder, "chat_template.jinja"));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
