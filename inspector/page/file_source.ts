import type { EpisodeAnswer } from "../answers.ts";
import { contentOf } from "../file_content.ts";
import { queryOf } from "../filters.ts";
import { select } from "../select.ts";
import { Failure, type Source } from "./port.ts";

/** The source that stands in this very file; undefined in a page that a server gave. */
export function fileSource(): Source | undefined {
  const element = document.getElementById("content");
  if (!element?.textContent) return undefined;
  const content = contentOf(JSON.parse(element.textContent));
  const byId = new Map(content.episodes.map((episode) => [episode.head.id, episode]));

  function answer(path: string): unknown {
    const url = new URL(path, "file:///");
    const parts = url.pathname.slice(1).split("/").map(decodeURIComponent);
    const [, , what, id] = parts;
    if (what === "episodes" && id === undefined) {
      return { episodes: select(content.episodes, queryOf(url.searchParams)), damaged: [], next: null };
    }
    if (what === "episodes" && parts.length === 4) return episode(Number(id));
    if (what === "heads") {
      const ids = (url.searchParams.get("ids") ?? "").split(",").map(Number);
      return ids.map((each) => byId.get(each)?.head ?? null);
    }
    const known = content.answers[path];
    if (known !== undefined) return known;
    throw new Failure({
      code: "file",
      message: "this file does not hold that; open the run itself with `visplay inspect`",
    });
  }

  function episode(id: number): EpisodeAnswer {
    const found = byId.get(id);
    if (found) {
      const kin = content.episodes.filter(
        ({ head }) => head.image.id === found.head.image.id && head.id !== id,
      );
      return { ...found, kin: kin.map(({ head }) => head).sort((a, b) => b.id - a.id) };
    }
    throw new Failure({ code: "file", message: `this file does not hold episode ${id}` });
  }

  return {
    json: async <T>(path: string) => answer(path) as T,
    ids: async (path) => {
      const { searchParams } = new URL(path, "file:///");
      return Uint32Array.from(select(content.episodes, queryOf(searchParams)).map(({ id }) => id));
    },
    image: (_, id) => content.images[id] ?? "",
    live: null,
  };
}
