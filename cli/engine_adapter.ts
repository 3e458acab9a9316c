import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { diskError } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";
import { parseJson } from "../common/json.ts";
import { membersOf } from "../data/tables/tar_members.ts";
import { readEngineState } from "../policy/remote/engine_state.ts";
import { downloadAdapter } from "../policy/remote/saved_weights.ts";
import { clientFor } from "./engine_policy.ts";

const configName = "adapter_config.json";
/** What PEFT has of an adapter. */
const wanted = [configName, "adapter_model.safetensors"];

/**
 * Downloads the adapter that a folder names on an engine, as PEFT has it; its readers find the model under the name `base`, by
 * default under the engine's. Throws "engine" where the engine gives none.
 */
export async function downloadEngineAdapter(
  source: string,
  folder: string,
  keyName: string,
  base: string | undefined,
): Promise<void> {
  const { url, adapter, baseModel } = await readEngineState(source);
  if (adapter === null) {
    const message = `${source} is a checkpoint, whose adapter was not saved to be downloaded; expected a model of a run, such as RUN/round-1/reasoner`;
    throw new VisplayError("model", message);
  }
  const bytes = await downloadAdapter(clientFor(url, keyName, 0), adapter);
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw diskError(folder, cause);
  });
  const archive = join(folder, "archive.tmp");
  try {
    const tar = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    await writeFile(archive, tar);
    const { members } = await membersOf(archive, tar.length);
    for (const name of wanted) {
      const member = members.find((each) => basename(each.name) === name);
      if (!member)
        throw new VisplayError("engine", `${adapter}: the archive holds no ${name}, expected an adapter`);
      await writeFile(join(folder, name), tar.subarray(member.start, member.start + member.bytes));
    }
    await nameBase(join(folder, configName), base ?? baseModel);
  } catch (cause) {
    throw cause instanceof VisplayError ? cause : diskError(folder, cause);
  } finally {
    await rm(archive, { force: true });
  }
}

async function nameBase(path: string, base: string): Promise<void> {
  const config = parseJson(await readFile(path, "utf8")) as Record<string, unknown>;
  await writeFile(path, `${JSON.stringify({ ...config, base_model_name_or_path: base }, null, 2)}\n`);
}
