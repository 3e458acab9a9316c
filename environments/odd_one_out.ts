import { deriveSeed, RandomStream } from "../common/random.ts";
import { imageOf, type RgbImage } from "../images/image.ts";
import type { ImageSource } from "../images/source.ts";
import { mirror, reorderTiles } from "../images/tiles.ts";
import { view } from "../images/views.ts";
import type { KnownQuestions } from "./question.ts";

/**
 * Copies of a picture, each under a light of its own, one of which is changed: which? The labels are free. A change can be
 * seen whatever the light: sides or quarters exchanged, or colours.
 */
export function oddOnesOut(images: ImageSource, copies: number): KnownQuestions {
  return {
    name: `odd ones out of ${copies}`,
    length: images.length,
    async at(index, { seed, fit, signal }) {
      const { image } = await images.load(index, fit);
      const stream = new RandomStream(deriveSeed(seed, "odd one out"));
      const odd = stream.integer(copies);
      const changed = stream.pick(changes)(image);
      const shown: RgbImage[] = [];
      for (let place = 0; place < copies; place++)
        shown.push(await view(place === odd ? changed : image, place + 1, seed, signal));
      return {
        name: images.name(index),
        images: shown as [RgbImage, ...RgbImage[]],
        question: `You see ${copies} copies of a picture in different light, and one of them was changed. Which number, from 1 to ${copies}, has the changed one?`,
        truths: [String(odd + 1)],
        chain: null,
        file: null,
      };
    },
  };
}

const changes: readonly ((image: RgbImage) => RgbImage)[] = [
  mirror,
  (image) => reorderTiles(image, 2, [3, 1, 2, 0]),
  exchangeColours,
];

/** Red, green and blue become blue, red and green. */
function exchangeColours({ width, height, data }: RgbImage): RgbImage {
  const exchanged = Uint8Array.from(data, (_, i) => data[i % 3 === 0 ? i + 2 : i - 1] as number);
  return imageOf(width, height, exchanged);
}
