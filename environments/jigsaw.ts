import { deriveSeed, RandomStream } from "../common/random.ts";
import type { ImageSource } from "../images/source.ts";
import { reorderTiles } from "../images/tiles.ts";
import type { KnownQuestions } from "./question.ts";
import { shuffledOrder } from "./shuffled_order.ts";

/**
 * Pictures cut into tiles that are shuffled: where does each belong? The labels are free (Visual Jigsaw, 2509.25190). `side`
 * tiles lie in a row and in a column.
 */
export function jigsaws(images: ImageSource, side: number): KnownQuestions {
  const tiles = side * side;
  return {
    name: `jigsaws of ${side} by ${side}`,
    length: images.length,
    async at(index, { seed, fit }) {
      const { image } = await images.load(index, fit);
      const order = shuffledOrder(tiles, new RandomStream(deriveSeed(seed, "jigsaw")));
      return {
        name: images.name(index),
        images: [reorderTiles(image, side, order)],
        question: `A picture was cut into ${tiles} tiles, numbered from 1 to ${tiles} row by row, and the tiles were shuffled. Which numbers have the tiles that you see, row by row?`,
        truths: [order.map((tile) => tile + 1).join(", ")],
        chain: null,
        file: null,
      };
    },
  };
}
