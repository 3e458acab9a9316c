/**
 * The soft over-long penalty of DAPO (2503.14476, eq. 13), 0 to -1: nothing up to `maxTokens - buffer`, then on a line down
 * to -1 at `maxTokens`. A completion that was cut off has -1; a buffer of 0 punishes only that.
 */
export function overlongPenalty(
  { tokens, truncated }: { readonly tokens: number; readonly truncated: boolean },
  maxTokens: number,
  buffer: number,
): number {
  if (truncated) return -1;
  if (buffer === 0) return 0;
  const over = tokens - (maxTokens - buffer);
  return over <= 0 ? 0 : -Math.min(1, over / buffer);
}
