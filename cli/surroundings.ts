import { VisplayError } from "../common/errors.ts";
import { shellWord } from "../common/shell_word.ts";
import { formats } from "../data/export/formats.ts";
import { previewOf } from "../images/preview.ts";
import type { Surroundings } from "../inspector/surroundings.ts";
import type { ChatMessage } from "../policy/chat/chat_message.ts";
import { readStatus } from "../watch/status.ts";
import { localModel } from "./model.ts";
import { programName } from "./program_name.ts";

/** What of a run's configuration says how its model reads and sees. */
interface ModelOfRun {
  readonly model?: {
    readonly name?: string;
    readonly maxPixels?: number | null;
    readonly splitting?: boolean | null;
  };
}

/** What the inspector shows beside the replay: heartbeats, pictures, and what a run's model makes of tokens and pictures. */
export function surroundings(): Surroundings {
  const folders = new Map<string, Promise<OpenFolder | null>>();
  const folderOf = (config: unknown) => {
    const { model } = (config ?? {}) as ModelOfRun;
    const key = JSON.stringify(model ?? null);
    const known = folders.get(key) ?? openFolder(model);
    folders.set(key, known);
    return known;
  };
  return {
    condition: (folder) =>
      readStatus(folder).then(
        ({ condition }) => condition,
        (error) => {
          if (error instanceof VisplayError) return null;
          throw error;
        },
      ),
    exporting: (folder) => ({
      command: `${programName()} export-curriculum ${shellWord(folder)}`,
      formats,
    }),
    picture: previewOf,
    async pieces(config, completions) {
      const folder = await folderOf(config);
      return folder && completions.map((ids) => piecesOf(folder.tokenizer, ids));
    },
    async template(config, turns, tools) {
      const folder = await folderOf(config);
      if (!folder) return null;
      return folder.tokenizer.renderChat(
        turns.map(({ role, parts }) => ({
          role: role as ChatMessage["role"],
          content: parts.map((part) =>
            typeof part === "string" ? { type: "text", text: part } : { type: "image" },
          ),
        })),
        true,
        tools,
      );
    },
    async sight(config, size) {
      const folder = await folderOf(config);
      return folder?.picture(size) ?? null;
    },
  };
}

type OpenFolder = Awaited<ReturnType<typeof readFolder>>;

/** Null where the model is not on this machine, or no longer what it was. */
async function openFolder(model: ModelOfRun["model"]): Promise<OpenFolder | null> {
  const folder = model?.name === undefined ? null : await localModel(model.name);
  if (folder === null) return null;
  return readFolder(folder, model).catch((error) => {
    if (error instanceof VisplayError) return null;
    throw error;
  });
}

/** What each token adds to the text: one by itself may be half a letter, or lack its space. */
function piecesOf(tokenizer: OpenFolder["tokenizer"], ids: readonly number[]): string[] {
  let before = "";
  return ids.map((_, i) => {
    const text = tokenizer.decode(ids.slice(0, i + 1));
    const piece = text.slice(before.length);
    before = text;
    return piece;
  });
}

async function readFolder(folder: string, { maxPixels = null, splitting = null }: ModelOfRun["model"] = {}) {
  const { readModelFolder } = await import("../policy/embedded/registry.ts");
  const found = await readModelFolder(folder, { maxPixels, splitting });
  const { tokenizer } = await found.define();
  return { tokenizer, picture: found.picture.bind(found) };
}
