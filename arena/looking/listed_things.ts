import { itemsIn } from "../../rewards/sets.ts";
import type { KnownPictures } from "../ports.ts";

/** What pictures show by cells of data that list it, each as `itemsIn` reads it; null for a cell that lists nothing. */
export function thingsIn(cell: string): string[] | null {
  const things = [...itemsIn(cell)];
  return things.length > 0 ? things : null;
}

/** What is known of pictures by lists of what they show, [pictures]. */
export function listedThings(
  lists: readonly (readonly string[])[],
): Pick<KnownPictures, "descriptions" | "vocabulary" | "askFor"> {
  return {
    descriptions: lists.map((things) => things.join("; ")),
    vocabulary: { things: [...new Set(lists.flat())].sort() },
    askFor: (thing) => `Is there ${/^[aeiou]/i.test(thing) ? "an" : "a"} ${thing} in the image?`,
  };
}
