import { describe, expect, test } from "vitest";
import { heldBytes, type Session } from "../../../autodiff/onnx/session.ts";
import { add, matmul, reshape } from "../../../autodiff/operators/index.ts";
import { constant, input, type Tensor } from "../../../autodiff/tensor.ts";
import { BufferPool } from "../../../policy/embedded/buffer_pool.ts";
import { SessionCache } from "../../../policy/embedded/sessions.ts";

/** x + x, and that once more: of `n` numbers two are alive at once, the sums. */
function twice(n: number): Record<string, Tensor> {
  const x = input("x", [n]);
  return { y: add(add(x, x), x) };
}

async function works(session: Session, n: number): Promise<boolean> {
  return session.run({ x: new Float32Array(n) }).then(
    () => true,
    () => false,
  );
}

describe("a graph holds", () => {
  const options = { threads: 1, keepsMemory: true };
  const nothing = heldBytes({ y: add(input("x", [1]), input("x", [1])) }, { ...options, keepsMemory: false });

  test("what is alive at once, if it keeps memory", () => {
    const held = (n: number) => heldBytes(twice(n), options) - heldBytes(twice(0), options);
    expect(held(1000)).toBeCloseTo(1.25 * 2 * 4000, -1);
    expect(heldBytes(twice(1000), { ...options, keepsMemory: false })).toBe(2 * nothing);
  });

  test("no result twice that is a view of another, and none that nobody reads any more", () => {
    const x = input("x", [10, 10]);
    const kept = (y: Tensor) =>
      heldBytes({ y }, options) - heldBytes({ y }, { ...options, keepsMemory: false });
    expect(kept(reshape(add(x, x), { shape: [100] }))).toBe(kept(add(x, x)));
    let chain = x;
    for (let i = 0; i < 20; i++) chain = matmul(chain, x, {});
    expect(kept(chain)).toBe(2 * kept(matmul(x, x, {})));
  });

  test("its constants", () => {
    const held = (n: number) =>
      heldBytes({ y: add(input("x", [n]), constant(new Float32Array(n), [n])) }, options);
    expect(held(1001) - held(1000)).toBeCloseTo(2 * 4 + 1.25 * 4);
  });
});

describe("a cache of sessions", () => {
  test("compiles a shape once", async () => {
    await using cache = new SessionCache({ threads: 1 });
    const first = await cache.get("sum", { n: 3 }, () => twice(3));
    expect(await cache.get("sum", { n: 3 }, () => twice(3))).toBe(first);
    expect(await cache.get("sum", { n: 4 }, () => twice(4))).not.toBe(first);
    expect(await cache.get("other", { n: 3 }, () => twice(3))).not.toBe(first);
  });

  test("releases the least recently used beyond its budget", async () => {
    const each = heldBytes(twice(1), { threads: 1, keepsMemory: false });
    await using cache = new SessionCache({ threads: 1, budgetBytes: 3 * each });
    const get = (n: number) => cache.get("sum", { n }, () => twice(n));
    const all: Session[] = [];
    for (let n = 1; n <= 8; n++) {
      all.push(await get(n));
      expect(await get(1)).toBe(all[0]);
    }
    const working = await Promise.all(all.map((session, i) => works(session, i + 1)));
    expect(working).toEqual([true, false, false, false, false, false, true, true]);
  });

  test("keeps what is in use, however much it holds", async () => {
    await using cache = new SessionCache({ threads: 1, budgetBytes: 1 });
    for (const n of [1, 2]) expect(await works(await cache.get("sum", { n }, () => twice(n)), n)).toBe(true);
  });

  test("has few sessions of a large model, which map its file each", async () => {
    await using cache = new SessionCache({ threads: 1, large: true });
    const all: Session[] = [];
    for (let n = 1; n <= 40; n++) all.push(await cache.get("sum", { n }, () => twice(n)));
    const working = await Promise.all(all.map((session, i) => works(session, i + 1)));
    expect(working.filter(Boolean)).toHaveLength(16);
    expect(working.indexOf(true)).toBe(24);
  });
});

describe("a pool of buffers", () => {
  test("gives arrays of zeros, used ones where it has them", () => {
    const pool = new BufferPool(100);
    const array = pool.take(4).fill(1);
    pool.give(array);
    expect(pool.take(4)).toBe(array);
    expect([...array]).toEqual([0, 0, 0, 0]);
    expect(pool.take(4)).not.toBe(array);
  });

  test("gives up sizes that nobody takes any more rather than those in use", () => {
    const pool = new BufferPool(4 * 30);
    const former = [pool.take(10), pool.take(10)];
    for (const array of former) pool.give(array);
    const array = pool.take(15);
    pool.give(array);
    expect(pool.take(15)).toBe(array);
    pool.give(array);
    expect(former).toContain(pool.take(10));
    expect(former).not.toContain(pool.take(10));
  });
});
