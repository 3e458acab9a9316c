const number = /[-+−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[-+]?\d+)?|[-+−]?\.\d+/gi;

/** The only number in a text, whatever stands around it: "about 1,200 km" says 1200. Null for none, and for several. */
export function numberIn(text: string): number | null {
  const [found, more] = text.match(number) ?? [];
  return found === undefined || more !== undefined
    ? null
    : Number(found.replaceAll(",", "").replace("−", "-"));
}

/** Relative; what decimal fractions lose in binary. */
const rounding = 1e-9;

/** Whether a text says a number that is off by at most `tolerance` of the true one; of 0, by at most `tolerance`. */
export function isWithin(answer: string, truth: string, tolerance: number): boolean {
  const [found, wanted] = [numberIn(answer), numberIn(truth)];
  if (found === null || wanted === null) return false;
  const scale = Math.abs(wanted) || 1;
  return Math.abs(found - wanted) <= scale * (tolerance + rounding);
}
