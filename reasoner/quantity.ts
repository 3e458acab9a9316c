import { leadingNumber } from "./numbers.ts";
import { unitSymbol } from "./units.ts";
import { plainWords } from "./wording.ts";

const currency = /^([-+]?) ?([$€£¥]|US\$) ?(?=[-+]?[\d.])/;
/** What may follow a number: words without digits or operators. */
const counted = /^\p{L}[\p{L}' -]*$/u;

/** "value", "value symbol" or "value words" of a number and what it counts; null for everything else. */
export function quantity(text: string): string | null {
  return one(text) ?? compound(text.split(/(?<=\p{L}) (?=\d)/u));
}

/** "5 ft 10 in". */
function compound(parts: readonly string[]): string | null {
  const read = parts.map(one);
  const isCompound = read.every((part) => part !== null && withoutUnit(part) !== null);
  return isCompound ? read.join(" ") : null;
}

function one(text: string): string | null {
  const [money = "", sign = "", coin = ""] = currency.exec(text) ?? [];
  const number = leadingNumber(sign + text.slice(money.length));
  if (!number) return null;
  const rest = `${coin.slice(-1)} ${number.rest.trim()}`.trim();
  if (rest === "") return number.value;
  const unit = /^[^\p{L}]|^ ?\S/u.test(number.rest) || coin ? unitSymbol(rest) : null;
  if (unit) return `${number.value} ${unit}`;
  return counted.test(rest) ? `${number.value} ${what(rest)}` : null;
}

/** What was counted, in one spelling; the case of a single letter, and of "Mb" beside "MB", may be its meaning. */
function what(words: string): string {
  if (/^(?:\p{L}|\p{Lu}\p{Ll}|\p{Ll}\p{Lu})$/u.test(words)) return words;
  const letters = /^\p{L}(?: \p{L})+$/u.test(words) ? words.replaceAll(" ", "") : words;
  return letters !== words && unitSymbol(letters) ? words : plainWords(letters);
}

const quantityForm = /^(-?\d[\d.]*(?:\/\d+)?) (.+)$/;
const noUnit =
  /^(?:st|nd|rd|th|or|and|to|of|by|x|more|less|out|plus|minus|than|per|versus|vs|hal(?:f|ves)|thirds?|quarters?|(?:four|fif|six|seven|eigh|nin|ten)ths?|dozens?|pairs?)\b/;

/**
 * The number alone of a canonical quantity, "24" of "24 cm", "50" of "50 %", "3" of "3 apples"; null where what
 * follows is no unit and no one or two words that name what is counted.
 */
export function withoutUnit(canonical: string): string | null {
  const [, value, unit = ""] = quantityForm.exec(canonical) ?? [];
  if (value === undefined || noUnit.test(unit)) return null;
  return unitSymbol(unit) === unit || /^(?:\p{L}{2,}|\p{Script=Han})(?: \p{L}{2,})?$/u.test(unit)
    ? value
    : null;
}
