import { describe, expect, it } from "vitest";
import { itemAt, itemsAt, itemsInTurn } from "../../arena/data_order.ts";

describe("itemAt", () => {
  it.each([1, 2, 3, 7, 64, 1000])("visits each of %i items once per epoch", (length) => {
    for (const epoch of [0, 1, 5]) {
      const visited = itemsAt(7, epoch * length, length, length);
      expect([...visited].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
    }
  });

  it("orders every epoch, and every seed, differently", () => {
    const epochs = [0, 1, 2].map((epoch) => itemsAt(7, epoch * 100, 100, 100).join());
    expect(new Set([...epochs, itemsAt(8, 0, 100, 100).join()]).size).toBe(4);
  });

  it("is a function of its arguments, for as many items as there may be", () => {
    const length = 1_000_003;
    const some = itemsAt(1, 5 * length + 17, 1000, length);
    expect(some).toEqual(itemsAt(1, 5 * length + 17, 1000, length));
    expect(itemAt(1, 5 * length + 20, length)).toBe(some[3]);
    expect(new Set(some).size).toBe(1000);
    const mean = some.reduce((sum, index) => sum + index, 0) / some.length / length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
  });
});

describe("itemsInTurn", () => {
  it.each([1, 2, 7, 100, 2000])("gives none of %i items again before all others", (length) => {
    const sequence = itemsInTurn(7, 0, 3 * length, length);
    for (let position = length; position < sequence.length; position++) {
      expect(sequence[position]).toBe(sequence[position - length]);
    }
    expect(new Set(sequence.slice(0, length)).size).toBe(length);
  });

  it("begins as the reshuffled sequence does", () => {
    expect(itemsInTurn(7, 20, 50, 100)).toEqual(itemsAt(7, 20, 50, 100));
  });
});
