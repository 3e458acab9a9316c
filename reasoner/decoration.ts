/** What dresses an answer up without changing it, and what is left of it; applied in order until nothing changes. */
const decorations: readonly (readonly [RegExp, string])[] = [
  // LaTeX
  [/\\(?:boxed|text|textbf|mathrm|mathbf) ?\{([^{}]*)\}/g, "$1"],
  [/\\[dt]?frac ?\{(-?[\w.]+)\} ?\{([\w.]+)\}/g, " $1/$2"],
  [/\^ ?(?:\\circ|\{ ?\\circ ?\})/g, "°"],
  [/\^\{(\w+)\}/g, "^$1"],
  [/\\([%$])|\{(,)\}/g, "$1$2"],
  [/\\[,;! ]/g, " "],
  [/^\\\((.*)\\\)$|^\\\[(.*)\\\]$|^\$([^$]+)\$$/, "$1$2$3"],
  // Quotes and Markdown around the whole
  [/^(["'`]|\*+|_+)(.+)\1$/, "$2"],
  // Lead-ins and a leading article, which "A" in "A, B" or "A and B" is not
  [/^(?:the |my )?(?:final |correct )?answer(?: is\b|:)[ :]*/i, ""],
  [/^(?:an?|the) (?!(?:and|or)\b)(?=\p{L}{2}|\d)/iu, ""],
  // Dots between single letters, white space before punctuation, closing punctuation
  [/(?<=(?<!\p{L})\p{L})\.(?=\p{L}(?!\p{L}))/gu, ""],
  [/ (?=[.,;:!?)\]]+(?: |$))|(?<=[([]) /g, ""],
  [/(?:[.,;:?]|(?<=\p{L})!)+$/u, ""],
  [/\s+/g, " "],
  [/^ | $/g, ""],
];

/** The answer without its decoration, in one line; the case is kept. */
export function undecorated(answer: string): string {
  let text = plainCharacters(answer);
  for (let before = ""; before !== text; ) {
    before = text;
    for (const [pattern, replacement] of decorations) text = text.replace(pattern, replacement);
  }
  return text;
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** One character for each meaning: "m²" is "m^2", "1½" is "1 1/2", dashes, quotes and spaces are ASCII's. */
function plainCharacters(text: string): string {
  return text
    .replace(/[⁰¹²³⁴-⁹]+/g, (run) => `^${[...run].map((digit) => superscripts.indexOf(digit)).join("")}`)
    .replace(/(?<=\d)(?=[¼-¾⅐-⅞])/g, " ")
    .normalize("NFKC")
    .replaceAll("⁄", "/")
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[‐-―−]/g, "-")
    .replace(/\s+/g, " ");
}
