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
/** Powers of ten. */
const scales: Readonly<Record<string, number>> = {
  hundred: 2,
  thousand: 3,
  million: 6,
  billion: 9,
  trillion: 12,
};

/** More digits than this are not calculated with: such fractions stay as they are written. */
const maxDigits = 40;

const whole = String.raw`(?:[1-9]\d*|0)`;
/** Digits in groups of three, by commas, spaces, or (at least two of them) points. */
const grouped = String.raw`[1-9]\d{0,2}(?:(?:,\d{3})+(?!,\d)|(?: \d{3})+(?! \d)|(?:\.\d{3}){2,}(?!\.\d))(?!\d)`;
const fraction = new RegExp(String.raw`^(?:(${whole}) )?(${grouped}|${whole}) ?/ ?([1-9]\d*)(?![\d.]|,\d)`);
const decimal = new RegExp(String.raw`^(?:(${grouped}|${whole})(?:\.(\d+))?|\.(\d+))(?!\d|[.,]\d)`);
const decimalComma = new RegExp(String.raw`^(?:(${whole})|([1-9]\d{0,2}(?:[ .]\d{3})+)),(\d+)(?!\d|[.,]\d)`);
const power = /^(?:e([+-]?\d{1,2})| ?[*x] ?10\^\(?([+-]?\d{1,2})\)?)(?![\p{L}\d.])/iu;
const scale = new RegExp(String.raw`^[ -]?(${Object.keys(scales).join("|")})(?!\p{L})`, "iu");

/**
 * Reads the number that a text starts with, exactly, or null: integers, also in groups ("1,000", "1 000"),
 * decimals ("0.50", ".5", "1,22"), fractions and mixed numbers ("1/2", "1 1/2"), powers of ten ("2e6",
 * "2*10^6"), words ("two hundred and five", "5 million"), each with a sign ("-5", "- 5", "minus five").
 * Leading zeros ("007") name something else; "2,5" may be a list and is none unless a unit follows.
 */
export function leadingNumber(text: string): LeadingNumber | null {
  const sign = /^(?:[+-] ?(?=[\d.])|(?:minus|negative) )/i.exec(text)?.[0] ?? "";
  const unsigned = text.slice(sign.length);
  const found = readFraction(unsigned) ?? applyPower(readDecimal(unsigned), unsigned) ?? readWords(unsigned);
  if (!found) return null;
  const isNegative = sign !== "" && !sign.startsWith("+") && found.value !== "0";
  return { value: isNegative ? `-${found.value}` : found.value, rest: unsigned.slice(found.length) };
}

/** Whether digits with commas between them are one number, rather than a list: "1,000", "1,22", but not "1,2,3". */
export function isOneNumber(text: string): boolean {
  return leadingNumber(text)?.rest === "" || /^\d{1,3},\d{1,3}$/.test(text);
}

interface Reading {
  readonly value: string;
  /** Characters read. */
  readonly length: number;
}

function readFraction(text: string): Reading | null {
  const match = fraction.exec(text);
  if (!match) return null;
  const [{ length }, units = "0", above = "", below = ""] = match;
  if (length > maxDigits) return null;
  const denominator = BigInt(below);
  return { value: render(BigInt(units) * denominator + BigInt(digitsOf(above)), denominator), length };
}

function readDecimal(text: string): (Reading & { readonly places: string }) | null {
  const comma = decimalComma.exec(text);
  if (comma) {
    const [{ length }, plain, inGroups = "", places = ""] = comma;
    if (isDecimalComma(plain ?? inGroups, places, text.slice(length))) {
      return { value: digitsOf(plain ?? inGroups), places, length };
    }
  }
  const match = decimal.exec(text);
  if (!match) return null;
  const [{ length }, units = "0", after, alone] = match;
  return { value: digitsOf(units), places: after ?? alone ?? "", length };
}

/** Whether a comma can only be a decimal one: after a zero, before a unit, between lengths that no list would have. */
function isDecimalComma(units: string, places: string, rest: string): boolean {
  if (units === "0" || /[ .]/.test(units)) return true;
  if (places.length === 3 && units.length <= 3) return false;
  return units.length !== places.length || /^ ?[\p{L}%°$€£¥]/u.test(rest);
}

/** A decimal with the power of ten that follows it. */
function applyPower(read: ReturnType<typeof readDecimal>, text: string): Reading | null {
  if (!read) return null;
  const exponent = power.exec(text.slice(read.length));
  let shift = Number(exponent?.[1] ?? exponent?.[2] ?? 0);
  let length = read.length + (exponent?.[0].length ?? 0);
  for (let word = scale.exec(text.slice(length)); word; word = scale.exec(text.slice(length))) {
    shift += scales[word[1]?.toLowerCase() ?? ""] ?? 0;
    length += word[0].length;
    if (shift > maxDigits) return null;
  }
  return { value: shiftPoint(read.value, read.places, shift), length };
}

/** The decimal units.places times 10^shift, without zeros that say nothing. */
function shiftPoint(units: string, places: string, shift: number): string {
  const point = units.length + shift;
  const all = (units + places)
    .padEnd(point, "0")
    .padStart(units.length + places.length - Math.min(0, point), "0");
  const cut = Math.max(0, point);
  const above = all.slice(0, cut).replace(/^0+(?=\d)/, "") || "0";
  const below = all.slice(cut).replace(/0+$/, "");
  return below === "" ? above : `${above}.${below}`;
}

const belowHundred = new RegExp(
  String.raw`^(?:(${tens.join("|")})(?:[- ](${small.slice(1, 10).join("|")}))?|(${small.join("|")}))(?!\p{L}|\d)`,
  "u",
);

/** English words below a quadrillion: "twenty-one", "two hundred and five thousand". */
function readWords(text: string): Reading | null {
  const lower = text.slice(0, 200).toLowerCase();
  let total = 0n;
  let part: bigint | null = null;
  let length = 0;
  let last = 100;
  for (;;) {
    const joint = length === 0 ? "" : (/^(?: and | |-)/.exec(lower.slice(length))?.[0] ?? "");
    const rest = lower.slice(length + joint.length);
    const number = (joint === "") === (length === 0) && last >= 2 ? belowHundred.exec(rest) : null;
    const magnitude = part !== null ? scale.exec(lower.slice(length)) : null;
    if (magnitude) {
      last = scales[magnitude[1] as string] as number;
      if (last === 2) part = (part as bigint) * 100n;
      else {
        total += (part as bigint) * 10n ** BigInt(last);
        part = 0n;
      }
      length += magnitude[0].length;
    } else if (number && mayFollow(last, rest.slice(number[0].length))) {
      part = (part ?? 0n) + BigInt(wordsValue(number));
      length += joint.length + number[0].length;
      last = 0;
    } else break;
  }
  return part === null ? null : { value: String(total + part), length };
}

/** Whether a number before `rest` goes on a number that ended in a power of ten: "two thousand" + "five hundred". */
function mayFollow(last: number, rest: string): boolean {
  const next = scales[scale.exec(rest)?.[1] ?? ""];
  return next === undefined || (last === 2 ? next !== 2 : next < last);
}

function wordsValue([, ten = "", one = "zero", word]: RegExpExecArray): number {
  return word ? small.indexOf(word) : 20 + 10 * tens.indexOf(ten) + small.indexOf(one);
}

function digitsOf(text: string): string {
  return text.replace(/[, .]/g, "");
}

function render(numerator: bigint, denominator: bigint): string {
  const common = gcd(numerator, denominator);
  const [above, below] = [numerator / common, denominator / common];
  // A denominator is a product of twos and fives exactly if it divides a power of ten with as many digits as bits.
  const places = below.toString(2).length;
  const digits = 10n ** BigInt(places);
  if (digits % below !== 0n) return `${above}/${below}`;
  const text = String(above * (digits / below)).padStart(places + 1, "0");
  return shiftPoint(text.slice(0, -places), text.slice(-places), 0);
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}
