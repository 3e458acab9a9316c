/**
 * The seed from which `deriveSeed` makes another one for a part with a number: `mix` (common/random.ts) step by step
 * backwards, each of which can be undone.
 */
export function seedBefore(derived: number, part: number): number {
  return unmix(unmix(derived, 0x5bd1e995), part);
}

function unmix(mixed: number, b: number): number {
  let h = unshift(mixed, 16);
  h = unshift(Math.imul(h, inverse(0xc2b2ae35)), 13);
  h = Math.imul(h, inverse(0x85ebca6b));
  h = unshift(h, 16);
  h = unshift(h - Math.imul(b, 0x9e3779b1), 15);
  h = unshift(Math.imul(h, inverse(0x735a2d97)), 15);
  h = unshift(Math.imul(h, inverse(0x21f0aaad)), 16);
  return (h ^ Math.imul(b + 0x9e3779b9, 0x85ebca6b)) >>> 0;
}

/** x of x ^ (x >>> bits). */
function unshift(mixed: number, bits: number): number {
  let x = mixed | 0;
  for (let done = bits; done < 32; done += bits) x = mixed ^ (x >>> bits);
  return x;
}

/** The inverse of an odd number modulo 2^32, by Newton's iteration. */
function inverse(odd: number): number {
  let x = odd;
  for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(odd, x));
  return x;
}
