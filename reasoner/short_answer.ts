/**
 * The short answer that a sentence gives: "There are 3 dogs in the image." says 3, "Yes, he is." says yes, and to "What
 * colour is the car?" "The car is red." says red. What a sentence says beside its answer makes equal answers differ.
 * Only forms in which nothing else can be meant are shortened; every other text is returned as it is.
 */
export function shortAnswer(text: string, question = ""): string {
  const unquoted = text.replace(/^["“]([^"“”]*)["”][.!]?$/, "$1");
  const sentence = unquoted.replace(/[.!。！]+$/, "").trim();
  if (sentence.length > 200 || /[.!?。？！]\s/.test(sentence)) return text;
  return (
    countOf(sentence) ??
    foreignNumber(sentence) ??
    yesOrNo(sentence, question) ??
    complement(sentence, question) ??
    /^(?:it is|it's|it’s|they are|they're) (?!not\b)(.+)$/i.exec(sentence)?.[1] ??
    text
  );
}

const numerals =
  "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty";
const anyNumber = new RegExp(`\\d[\\d,.]*|\\b(?:${numerals})\\b`, "gi");
const counting = new RegExp(
  "^(?:there (?:are|is)|(?:i|we|you) (?:can )?(?:see|count)|(?:the|this) (?:image|picture|photo|photograph) (?:shows|contains|has|depicts)) " +
    `(?:(?:exactly|only|a total of) )?(\\d[\\d,.]*|${numerals})\\b(?! (?:of|or|to)\\b)`,
  "i",
);

const counted = new RegExp(
  `^(\\d[\\d,.]*|${numerals}) (?!of\\b|or\\b|to\\b)[^,]+? (?:are|is|can be seen)\\b`,
  "i",
);
const numbering = new RegExp(
  `^(?:the )?(?:total )?(?:number|count) of .+ is (\\d[\\d,.]*|${numerals})$`,
  "i",
);

/** The number of a sentence that counts one kind of thing. */
function countOf(sentence: string): string | null {
  const number = [counting, counted, numbering].map((form) => form.exec(sentence)?.[1]).find(Boolean);
  const several = (sentence.match(anyNumber)?.length ?? 0) > 1 || /,| and | or |\bbut\b/i.test(sentence);
  return number && !several ? number : null;
}

/** Numbers in words of other languages; none of the words is an English one. */
const foreign: readonly (readonly string[])[] = [
  ["零", "〇", "null", "zéro", "cero"],
  ["一", "eins", "uno", "один"],
  ["二", "两", "兩", "zwei", "deux", "dos", "dois", "два"],
  ["三", "drei", "trois", "tres", "três", "tre", "три"],
  ["四", "vier", "quatre", "cuatro", "quatro", "quattro", "четыре"],
  ["五", "fünf", "cinq", "cinco", "cinque", "пять"],
  ["六", "sechs", "seis", "шесть"],
  ["七", "sieben", "siete", "sete", "sette", "семь"],
  ["八", "acht", "huit", "ocho", "oito", "otto", "восемь"],
  ["九", "neun", "neuf", "nueve", "nove", "девять"],
  ["十", "zehn", "diez", "dez", "dieci", "десять"],
];

/** A number alone, with a Chinese measure word at most. */
function foreignNumber(sentence: string): string | null {
  const word = measured.exec(sentence)?.[1] ?? sentence.toLowerCase();
  if (/^\d+$/.test(word)) return word === sentence ? null : word;
  const value = foreign.findIndex((words) => words.includes(word));
  return value < 0 || word === "null" ? null : String(value);
}

const measured =
  /^有?(\d+|[零〇一二两兩三四五六七八九十]) ?(?:[只隻个個条條张張辆輛匹头頭位本名人朵棵把件개명]|마리)?(?:です)?$/u;

const auxiliary =
  /^(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|may|might|must)\b/i;

/** "Yes" or "no" with its explanation, where the question can be answered so. */
function yesOrNo(sentence: string, question: string): string | null {
  const said = /^(yes|no)\s?[,;:–—-]\s?\S/i.exec(sentence)?.[1];
  return said && auxiliary.test(question.trim()) ? said : null;
}

/** What a sentence says of the very thing that was asked about: behind the last verb before which only that was named. */
function complement(sentence: string, question: string): string | null {
  if (!/^(?:the|this|that|these|those|his|her|its) /i.test(sentence)) return null;
  const asked = new Set(contentWords(question));
  const isAsked = (text: string) => contentWords(text).every((word) => asked.has(word));
  for (const verb of [...sentence.matchAll(copula)].reverse()) {
    const [subject, said] = [sentence.slice(0, verb.index), sentence.slice(verb.index + verb[0].length)];
    // "This" alone names nothing.
    if (subject.includes(" ") && isAsked(subject)) return isAsked(said) ? null : said;
  }
  return null;
}

const copula = / (?:is|are|was|were)(?: (?:called|named))? (?!not\b)(?=\S)/gi;

const functionWords = new Set(
  "the a an this that these those of in on at to is are was were image picture photo photograph shown his her its".split(
    " ",
  ),
);

function contentWords(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !functionWords.has(word));
}
