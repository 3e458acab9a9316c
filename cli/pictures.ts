import type { ImageSource } from "../images/source.ts";
import { readModelFolder, type Sight } from "../policy/embedded/registry.ts";
import { count, plural } from "./format.ts";
import type { WithModel } from "./model.ts";

/** Pictures that are looked at, evenly from all. */
const LOOKED_AT = 8;

/**
 * Says what of the model's folder is not taken as it says, and what the pictures cost the model. Throws "model" where
 * the folder cannot be used, "config" where the chosen resolution does not fit it.
 */
export async function sayPictures(
  { config, base }: Pick<WithModel, "config" | "base">,
  images: ImageSource,
  say: (line: string) => void,
): Promise<void> {
  const { notes, picture } = await readModelFolder(base, config.model);
  for (const note of notes) say(`note: ${note}`);
  const step = Math.max(1, images.length / LOOKED_AT);
  const looked = Array.from({ length: Math.min(LOOKED_AT, images.length) }, async (_, i) => {
    const { image } = await images.load(Math.floor(i * step));
    return picture(image);
  });
  // What is wrong with a picture is said where it is used.
  const costs = (await Promise.allSettled(looked)).flatMap((each) =>
    each.status === "fulfilled" ? [each.value] : [],
  );
  if (costs.length > 0) say(costLine(costs));
}

/** "a picture is 13 to 17 tiles, 832 to 1,088 tokens", and the settings that make many fewer. */
function costLine(costs: readonly Sight[]): string {
  const [tiles, tokens] = [costs.map((cost) => cost.tiles), costs.map((cost) => cost.tokens)];
  const cut = Math.max(...tiles) > 1;
  const parts = [...(cut ? [range(tiles, "tile")] : []), range(tokens, "token")];
  const splitting = "; model.splitting=false shows it as one tile, model.maxPixels as fewer";
  const advice = cut ? splitting : Math.max(...tokens) > manyTokens ? "; model.maxPixels makes it fewer" : "";
  return `a picture is ${parts.join(", ")}${advice}`;
}

/** Beyond these, pictures are most of what a step takes. */
const manyTokens = 512;

function range(values: readonly number[], noun: string): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? plural(most, noun) : `${count(least)} to ${plural(most, noun)}`;
}
