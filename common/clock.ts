/**
 * Milliseconds since 1970 by a clock that is set once, when the process starts, and never jumps: what lies between
 * two of its moments is a duration, whatever happens to the time of day. It stands still while the machine sleeps.
 */
export const steadyClock: { readonly now: () => number } = {
  now: () => performance.timeOrigin + performance.now(),
};
