import { lastValueFrom } from "rxjs";
import { expect, it } from "vitest";
import { inSlices } from "../../arena/in_slices.ts";

/** Work that takes about this long and yields to nobody. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it("maps in order and lets others work in between", async () => {
  let turns = 0;
  const beat = setInterval(() => turns++, 1);
  const items = Array.from({ length: 30 }, (_, i) => i);
  const doubled = lastValueFrom(
    inSlices(items, (item) => {
      work(3);
      return 2 * item;
    }),
  );
  expect(await doubled).toEqual(items.map((item) => 2 * item));
  clearInterval(beat);
  expect(turns).toBeGreaterThan(3);
});

it("stops between slices when nobody listens any more", async () => {
  let done = 0;
  const subscription = inSlices([...Array(100).keys()], () => {
    work(3);
    done++;
  }).subscribe();
  subscription.unsubscribe();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(done).toBeLessThan(10);
});
