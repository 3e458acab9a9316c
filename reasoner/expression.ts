const operator = /[+^=*√∛∜<>≤≥≠≈±∪∩∈→_α-ωΑ-Ω∞]/u;
const names = new Set(
  "sin cos tan cot sec csc tg ctg arcsin arccos arctan log ln lg exp sqrt root".split(" "),
);
const littleWords = new Set("a i and or if is to in at of no as by up so on it".split(" "));

/**
 * An expression, relation or ratio in one spelling ("24 + 4π" is "24+4π", "1: 1" is "1:1"), or null for what is
 * none: anything with words in it. Nothing is calculated: "1+2" and "3" differ, as "3-4" and "-1" must.
 */
export function plainExpression(text: string): string | null {
  const hasOperator = operator.test(text) || /\bsqrt\b/.test(text);
  if (!hasOperator && !(/\d/.test(text) && /[-/:(]/.test(text))) return null;
  const words = text.match(/\p{L}{2,}/gu) ?? [];
  if (!words.every((word) => isFactor(word, hasOperator))) return null;
  const plain = text
    .replace(/\bsqrt ?(?=[\d(])/g, "√")
    .replace(/(?<!\d) | (?!\d)/g, "")
    .replace(/√\((\d+|\p{L})\)(?!\d)/gu, "√$1")
    .replace(/(?<=[\p{L}\d)])\*(?=[\p{L}√(])/gu, "")
    .replace(/(?<=(?<!\p{L})\p{L})_(?=[\p{L}\d])/gu, "")
    // A fraction as a factor: (9/4)π is 9π/4
    .replace(/(?<![\p{L}\d)])\((\d+)\/(\d+)\)((?:\p{L}|√\d+|√\([^()]*\))+)(?![\d(^√/])/gu, "$1$3/$2")
    .replace(/(?<![\p{L}\d.,])1(?=(?:\p{L}|√)[\s\S]*\/\d)/gu, "");
  return hasOperator ? plain : plain.toLowerCase();
}

/** Whether letters can stand for a product or a function: "ab", "cos", but not "red". */
function isFactor(word: string, hasOperator: boolean): boolean {
  if (names.has(word) || /[^a-zA-Z]/.test(word)) return true;
  return hasOperator && word.length <= 3 && !littleWords.has(word.toLowerCase());
}
