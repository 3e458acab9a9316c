/**
 * ChartQA's relaxed accuracy (Masry et al. 2022): a number may be off by 5% of the true one, and "12%" is 0.12; else, and
 * where the truth is 0, the texts have to be the same but for case.
 */
export function isNear(answer: string, truth: string): boolean {
  const [found, wanted] = [numberOf(answer), numberOf(truth)];
  if (found === null || wanted === null || wanted === 0) return fold(answer) === fold(truth);
  return Math.abs(found - wanted) / Math.abs(wanted) <= 0.05;
}

function numberOf(text: string): number | null {
  const [, digits, percent] = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(%?)$/i.exec(text.trim()) ?? [];
  if (digits === undefined) return null;
  return percent ? Number(digits) / 100 : Number(digits);
}

/**
 * Normalized Levenshtein similarity of DocVQA's ANLS (Biten et al. 2019), 0 to 1: 1 minus the edits over the longer
 * length, without case, and 0 where that is below a half.
 */
export function similarity(answer: string, truth: string): number {
  const [a, b] = [fold(answer), fold(truth)];
  const longest = Math.max(a.length, b.length);
  if (longest === 0) return 1;
  const share = edits(a, b) / longest;
  return share < 0.5 ? 1 - share : 0;
}

function fold(text: string): string {
  return text.trim().toLowerCase();
}

/** Characters that are put in, left out or exchanged to make one text of the other. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const exchanged = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(exchanged, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
