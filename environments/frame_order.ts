import { VisplayError } from "../common/errors.ts";
import { deriveSeed, RandomStream } from "../common/random.ts";
import type { Film } from "../images/films.ts";
import { readFrames } from "../images/frames.ts";
import type { RgbImage } from "../images/image.ts";
import type { KnownQuestions } from "./question.ts";
import { shuffledOrder } from "./shuffled_order.ts";

/** Frames of films, evenly spaced and shuffled: in which order did they happen? The labels are free. */
export function frameOrders(films: readonly Pick<Film, "name" | "path">[], frames: number): KnownQuestions {
  return {
    name: `orders of ${frames} frames`,
    length: films.length,
    async at(index, { seed, fit, signal }) {
      const film = films[index];
      if (!film) throw new RangeError(`film ${index} of ${films.length}`);
      const given = { count: frames, shrinkTo: fit, ...(signal && { signal }) };
      const found = await readFrames(film.path, film.name, given);
      if (found.length < frames)
        throw new VisplayError("images", `found ${found.length} frames, expected ${frames}; ask for fewer`);
      const order = shuffledOrder(frames, new RandomStream(deriveSeed(seed, "frame order")));
      return {
        name: film.name,
        images: order.map((frame) => found[frame]?.image) as unknown as [RgbImage, ...RgbImage[]],
        question: `You see ${frames} frames of a film in a wrong order. In which order did they happen? Give the numbers of the pictures, from the earliest to the latest.`,
        truths: [order.map((_, frame) => order.indexOf(frame) + 1).join(", ")],
        chain: null,
        file: null,
      };
    },
  };
}
