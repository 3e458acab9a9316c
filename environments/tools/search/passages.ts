import type { Document } from "./documents.ts";

/** Characters of a passage, at most: one answer is to hold several. */
const longest = 800;

/** A document in pieces that can be read alone: its paragraphs, as many as fit into one. */
export function passagesOf({ name, text }: Document): Document[] {
  const passages: string[] = [];
  for (const paragraph of text.split(/\r?\n\s*\n/).flatMap((each) => piecesOf(each.trim()))) {
    const last = passages.at(-1);
    const together = `${last}\n\n${paragraph}`;
    if (last !== undefined && together.length <= longest) passages[passages.length - 1] = together;
    else passages.push(paragraph);
  }
  return passages.map((passage) => ({ name, text: passage }));
}

/** A paragraph that is too long, cut where a sentence ends, or else a word. */
function piecesOf(paragraph: string): string[] {
  const pieces: string[] = [];
  let rest = paragraph;
  while (rest.length > longest) {
    const head = rest.slice(0, longest);
    const sentence = Math.max(...[". ", "! ", "? "].map((end) => head.lastIndexOf(end))) + 1;
    const cut = sentence > longest / 2 ? sentence : head.lastIndexOf(" ");
    const at = cut > 0 ? cut : longest;
    pieces.push(rest.slice(0, at).trim());
    rest = rest.slice(at).trim();
  }
  return rest === "" ? pieces : [...pieces, rest];
}
