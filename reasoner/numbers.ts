/** A number at the start of a text. */
export interface LeadingNumber {
  /** Its exact value in one spelling: a finite decimal ("-0.5", "1000") or a reduced fraction ("1/3"). */
  readonly value: string;
  /** What follows it, untouched. */
  readonly rest: string;
}

const small = [
  ..."zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen".split(" "),
  ..."fifteen sixteen seventeen eighteen nineteen".split(" "),
];
const tens = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

const integer = String.raw`(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d*|0)(?!\d)`;
const fraction = new RegExp(String.raw`^(?:(${integer})\s+)?(${integer})\s?/\s?([1-9]\d*)`);
const decimal = new RegExp(String.raw`^(?:(${integer})(?:\.(\d+))?|\.(\d+))`);
const spelled = new RegExp(
  `^(?:(${tens.join("|")})(?:[- ](${small.slice(1, 10).join("|")}))?|(${small.join("|")}))(?![\\p{L}\\d])`,
  "u",
);

/**
 * Reads the number that a text starts with, exactly, or null. Numbers are integers, with thousands in groups
 * of three ("1,000"), decimals ("0.50", ".5"), fractions ("1/2"), mixed numbers ("1 1/2") and the English
 * words up to ninety-nine; a sign is part of the number. Leading zeros ("007") name something else.
 */
export function leadingNumber(text: string): LeadingNumber | null {
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  const unsigned = text.slice(sign.length);
  const found = readFraction(unsigned) ?? readDecimal(unsigned) ?? readWords(unsigned);
  if (!found) return null;
  const numerator = sign === "-" ? -found.numerator : found.numerator;
  return { value: render(numerator, found.denominator), rest: unsigned.slice(found.length) };
}

interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
  /** Characters read. */
  readonly length: number;
}

function readFraction(text: string): Rational | null {
  const match = fraction.exec(text);
  if (!match) return null;
  const [{ length }, whole = "0", above = "", below = ""] = match;
  const denominator = BigInt(below);
  return { numerator: digits(whole) * denominator + digits(above), denominator, length };
}

function readDecimal(text: string): Rational | null {
  const match = decimal.exec(text);
  if (!match) return null;
  const [{ length }, whole = "0", after, alone] = match;
  const places = after ?? alone ?? "";
  return { numerator: digits(whole + places), denominator: 10n ** BigInt(places.length), length };
}

function readWords(text: string): Rational | null {
  const match = spelled.exec(text.toLowerCase());
  if (!match) return null;
  const [{ length }, ten = "", one = "zero", word] = match;
  const value = word ? small.indexOf(word) : 20 + 10 * tens.indexOf(ten) + small.indexOf(one);
  return { numerator: BigInt(value), denominator: 1n, length };
}

function digits(text: string): bigint {
  return BigInt(text.replaceAll(",", ""));
}

function render(numerator: bigint, denominator: bigint): string {
  const common = gcd(numerator < 0n ? -numerator : numerator, denominator);
  const [above, below] = [numerator / common, denominator / common];
  let places = 0;
  while (10n ** BigInt(places) % below !== 0n) {
    // A denominator that is no product of twos and fives divides no power of ten.
    if (2n ** BigInt(places) > below) return `${above}/${below}`;
    places++;
  }
  const scaled = above * (10n ** BigInt(places) / below);
  const text = (scaled < 0n ? -scaled : scaled).toString().padStart(places + 1, "0");
  const cut = text.length - places;
  return `${scaled < 0n ? "-" : ""}${text.slice(0, cut)}${places > 0 ? `.${text.slice(cut)}` : ""}`;
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}
