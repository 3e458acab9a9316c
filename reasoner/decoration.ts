import { withoutLatex } from "./latex.ts";

/** What may stand before an answer: "The final answer is: ", "So the correct option is ". */
const leadIn = [
  /^(?:(?:so|thus|hence|therefore),? )?(?:the |my )?(?:(?:final|correct|right|best) )*/,
  /(?:answer|option|choice)(?: to (?:the|this) question)?(?: (?:is|would be|should be)\b(?: that\b)?| ?[:=]) ?:? ?/,
]
  .map(({ source }) => source)
  .join("");

/** What dresses an answer up without changing it, and what is left of it; applied in order until nothing changes. */
const decorations: readonly (readonly [RegExp, string])[] = [
  // Markdown, quotes around the whole, and one that lost its partner
  [/\*\*([^*]+)\*\*|__([^_]+)__/g, "$1$2"],
  [/^(["'`*_])((?:(?!\1).)+)\1$/, "$2"],
  [/^(?:- |• ?|\* )(?=\p{L})/u, ""],
  [/^([^'"]*\p{L}{2}[.!?]?)['"]$/u, "$1"],
  // Lead-ins, with the punctuation of their sentence, and a leading article, which "A" in "A, B" or "A 3" is not
  [new RegExp(`^${leadIn}(?=\\S)(.+?)[.!]*$`, "i"), "$1"],
  [/^答案(?:是|为)? ?:? ?(?=\S)/, ""],
  [/^(?:option|choice) (?=[([]?[a-z][)\].:]*(?: |$))/i, ""],
  [/^(?:an?|the) (?!(?:and|or|few|little|lot|bit)\b)(?=\p{L}{2})/iu, ""],
  // Dots between single letters, white space before punctuation, closing punctuation
  [/(?<=(?<!\p{L})\p{L})\.(?=\p{L}(?!\p{L}))/gu, ""],
  [/ (?=[.,;:!?)\]]+(?: |$))|(?<=[([]) /g, ""],
  [/(?<![.,;:?\\])[.,;:?\\]+$|(?<=\p{L}{2})!+$/u, ""],
  [/(?<=\d) and a half\b/, " 1/2"],
  // Chemical formulas
  [/(?<=\p{Lu}\p{Ll}?)_(?=\d)/gu, ""],
  [/\s+/g, " "],
  [/^ | $/g, ""],
];

/** Layers of decoration that are looked under. */
const maxLayers = 50;

/** In characters: a longer text is no short answer in decoration, and keeps all but its white space. */
export const longestAnswer = 1000;

/** The answer without its decoration, in one line; the case is kept. */
export function undecorate(answer: string): string {
  let text = plainCharacters(answer).trim();
  if (text.length > longestAnswer) return text;
  for (let layer = 0, before = ""; before !== text && layer < maxLayers; layer++) {
    before = text;
    text = withoutLatex(text);
    for (const [pattern, replacement] of decorations) text = text.replace(pattern, replacement);
  }
  return text;
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const synonyms: Readonly<Record<string, string>> = {
  "⁄": "/",
  "÷": "/",
  "×": "*",
  "·": "*",
  "⋅": "*",
  "∗": "*",
  "。": ".",
  "、": ",",
  "‘": "'",
  "’": "'",
  "“": '"',
  "”": '"',
  "−": "-",
  "≦": "≤",
  "≧": "≥",
};
const synonym = new RegExp(`[${Object.keys(synonyms).join("")}]`, "g");

/** One character for each meaning: "m²" is "m^2", "1½" is "1 1/2", dashes, quotes and spaces are ASCII's. */
export function plainCharacters(text: string): string {
  return text
    .replace(/[⁰¹²³⁴-⁹]+/g, (run) => `^${[...run].map((digit) => superscripts.indexOf(digit)).join("")}`)
    .replace(/(?<=\d)(?=[¼-¾⅐-⅞])/g, " ")
    .replace(/[º˚]/g, "°")
    .normalize("NFKC")
    .replace(synonym, (character) => synonyms[character] as string)
    .replace(/[‐-―]/g, "-")
    .replace(/<=/g, "≤")
    .replace(/>=/g, "≥")
    .replace(/!=/g, "≠")
    .replace(/\s+/g, " ");
}
