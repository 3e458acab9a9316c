import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { callTags, responseTags } from "../../common/tool_call.ts";
import { zip } from "../../common/zip.ts";
import { embeddedSizes, writeNewModel } from "../../policy/new_model/model_folder.ts";
import { specialTokens, tokenIds, type WordTokenizer } from "../../policy/new_model/word_tokenizer.ts";
import { readSafetensors } from "../../policy/weights/safetensors.ts";
import { type FloatArray, writeSafetensors } from "../../policy/weights/safetensors_writer.ts";

const tags = [callTags.open, callTags.close, responseTags.open, responseTags.close] as const;

/** The words of texts, without the tags around calls and their answers. */
export function wordsOf(texts: readonly string[]): string[] {
  const bare = tags.reduce((all, tag) => all.map((text) => text.replaceAll(tag, " ")), texts);
  return [...new Set(bare.flatMap((text) => text.split(/\s+/).filter((word) => word !== "")))];
}

/**
 * Writes a copy of a model of words that knows some more of them, and the tags of calls: its own weights, and for each new
 * word numbers that are drawn from a seed.
 */
export async function writeWider(
  source: string,
  folder: string,
  words: readonly string[],
  seed: number,
): Promise<void> {
  const known = JSON.parse(await readFile(join(source, "tokenizer.json"), "utf8"));
  const before: Readonly<Record<string, number>> = known.model.vocab;
  const old = Object.keys(before).sort((a, b) => (before[a] as number) - (before[b] as number));
  const own = old.slice(specialTokens.length);
  const { normalizer, pre_tokenizer, decoder } = known;
  const tokenizer: WordTokenizer = {
    words: [...new Set([...own, ...tags, ...words])],
    spelling: { tags, normalizer, pre_tokenizer, decoder },
  };
  const defaults = JSON.parse(await readFile(join(source, "visplay.json"), "utf8"));
  await writeNewModel(folder, { tokenizer, sizes: embeddedSizes, seed, defaults });
  const path = join(folder, "model.safetensors");
  const [learnt, drawn] = [
    await readSafetensors(join(source, "model.safetensors")),
    await readSafetensors(path),
  ];
  const ids = tokenIds(tokenizer);
  const moved = zip(
    old,
    old.map((word) => ids[word] as number),
  );
  const wider = new Map<string, FloatArray>();
  for (const [name, { shape, data }] of drawn) {
    const from = learnt.get(name);
    const rows = data as Float32Array;
    const given = from?.data as Float32Array;
    if (given.length === rows.length) rows.set(given);
    else {
      const width = shape[1] as number;
      for (const [word, id] of moved)
        rows.set(
          given.subarray((before[word] as number) * width, ((before[word] as number) + 1) * width),
          id * width,
        );
    }
    wider.set(name, { shape, data: rows });
  }
  await writeSafetensors(path, wider);
}
