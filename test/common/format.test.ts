import { expect, test } from "vitest";
import { duration, plural } from "../../common/format.ts";

test("a time is told in its two largest units", () => {
  const [second, minute, hour] = [1000, 60_000, 3_600_000];
  const times = [
    -5,
    499,
    59.4 * second,
    59.6 * second,
    250 * second,
    hour - 1,
    65 * minute,
    24 * hour,
    51 * hour,
  ];
  expect(times.map(duration)).toEqual([
    "0 s",
    "0 s",
    "59 s",
    "1 min 00 s",
    "4 min 10 s",
    "1 h 00 min",
    "1 h 05 min",
    "1 d 00 h",
    "2 d 03 h",
  ]);
});

test("one thing has no s", () => {
  expect([0, 1, 1200].map((count) => plural(count, "image"))).toEqual([
    "0 images",
    "1 image",
    "1,200 images",
  ]);
});
