import type { RandomStream } from "../common/random.ts";

/** The numbers from 0 to before `count` in a random order that is not their own. */
export function shuffledOrder(count: number, stream: RandomStream): number[] {
  const inOrder = Array.from({ length: count }, (_, i) => i);
  if (count < 2) return inOrder;
  for (;;) {
    const order = stream.shuffle(inOrder);
    if (order.some((item, place) => item !== place)) return order;
  }
}
