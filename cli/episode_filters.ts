import type { Command } from "commander";
import { VisplayError } from "../common/errors.ts";
import { queryOf } from "../inspector/filters.ts";
import type { EpisodeQuery } from "../replay/query.ts";

/** Options that stand for one filter each, by their names in the page's addresses. */
const options: Readonly<Record<string, string>> = {
  "--role <role>": "whose policy was recorded, such as questioner or reasoner",
  "--superseded <which>": "what was played again after a resume: include, or only",
  "--ended <how>": "stop or length: how some completion ended",
  "--image <hash>": "about the image with this content",
  "--text <words>": 'words that all occur; a "phrase" in quotes, begin* for a beginning',
  "--sort <figure>": "time, or a figure; -figure is the greatest first (default -time)",
};

/** Those of which any of several will do. */
const repeated: Readonly<Record<string, string>> = {
  "--stage <stage>": "such as selfPlay; may be repeated",
  "--phase <phase>": "such as questioner, curriculum or reasoner; may be repeated",
};

/** Adds the filters of episodes to a command; gives the function that reads the query that they make. */
export function addFilters(command: Command): () => EpisodeQuery {
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  for (const [flags, about] of Object.entries(repeated)) command.option(flags, about, collect);
  for (const [flags, about] of Object.entries(options)) command.option(flags, about);
  command.option(
    "--where <figure=range>",
    "a figure within bounds, such as reward=0.2..0.8, round=3 or part:agreement=..0.5; may be repeated",
    collect,
  );
  return () => {
    const given = command.opts<Record<string, string | readonly string[] | undefined>>();
    const names = Object.keys({ ...repeated, ...options }).map((flags) => flags.slice(2, flags.indexOf(" ")));
    const named = names.flatMap((name) => textsOf(given[name]).map((text): [string, string] => [name, text]));
    return queryOf(new URLSearchParams([...named, ...textsOf(given.where).map(rangePart)]));
  };
}

function textsOf(given: string | readonly string[] | undefined): readonly string[] {
  return given === undefined ? [] : [given].flat();
}

function rangePart(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new VisplayError("usage", `--where: found ${JSON.stringify(text)}, expected such as reward=0.2..0.8`);
}
