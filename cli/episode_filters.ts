import type { Command } from "commander";
import { VisplayError } from "../common/errors.ts";
import { queryOf } from "../inspector/filters.ts";
import type { EpisodeQuery } from "../replay/query.ts";

/** Options that stand for one filter each, by their names in the page's addresses. */
const options: Readonly<Record<string, string>> = {
  "--stage <stages>": "such as selfPlay; several with commas",
  "--phase <phases>": "such as questioner, curriculum or reasoner; several with commas",
  "--role <role>": "whose policy was recorded, such as questioner or reasoner",
  "--superseded <which>": "what was played again after a resume: include, or only",
  "--ended <how>": "stop or length: how some completion ended",
  "--image <hash>": "about the image with this content",
  "--text <words>": 'words that all occur; a "phrase" in quotes, begin* for a beginning',
  "--sort <figure>": "time, or a figure; -figure is the greatest first (default -time)",
};

/** Adds the filters of episodes to a command; gives the function that reads the query that they make. */
export function addFilters(command: Command): () => EpisodeQuery {
  for (const [flags, about] of Object.entries(options)) command.option(flags, about);
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  command.option(
    "--where <figure=range>",
    "a figure within bounds, such as reward=0.2..0.8, round=3 or part:agreement=..0.5; may be repeated",
    collect,
  );
  return () => {
    const given = command.opts<Record<string, string | undefined> & { where?: readonly string[] }>();
    const names = Object.keys(options).map((flags) => flags.slice(2, flags.indexOf(" ")));
    const ranges = (given.where ?? []).map(rangePart);
    return queryOf(
      new URLSearchParams([
        ...names.flatMap((name) =>
          given[name] === undefined ? [] : [[name, given[name]] as [string, string]],
        ),
        ...ranges,
      ]),
    );
  };
}

function rangePart(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new VisplayError("usage", `--where: found ${JSON.stringify(text)}, expected such as reward=0.2..0.8`);
}
