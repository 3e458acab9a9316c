import { lastBoxed, oneLine, piecesOf, type TagName } from "./completion_text.ts";

/** What stands where an answer or a question should, and is none. */
export type Evasion = "placeholder" | "refused" | "inapplicable";

/**
 * Which evasion a text is, or null. `examples` are what the prompt itself writes where the answer belongs: a model that
 * copies it has answered nothing.
 */
export function evasionOf(text: string, examples: readonly string[] = []): Evasion | null {
  const head = text.trim().slice(0, longest);
  const words = strip(head);
  if (isPlaceholder(head, words) || examples.some((example) => copies(words, strip(example))))
    return "placeholder";
  if (inapplicable.test(words)) return "inapplicable";
  return refusal.test(head.replace(/’/g, "'")) ? "refused" : null;
}

/** Characters that are looked at: enough to know how a refusal begins. */
const longest = 400;

/** Words of which placeholders are made; with "your" or "here", in brackets, or tied by underscores they name no answer. */
const placeholderWords = new Set(
  (
    "your my the a an own final short brief correct exact actual single one or word words phrase letter number option " +
    "insert put write enter give place goes in here question answer answers response reply text reasoning explanation"
  ).split(" "),
);

function isPlaceholder(trimmed: string, words: string): boolean {
  if (/^[[{(<]*(?:\.{3}|…|_{2,})[\]})>]*$/.test(trimmed)) return true;
  if (/^(?:final|short|brief|correct|exact) (?:answer|question|response)$/.test(words)) return true;
  const list = words.split(" ");
  if (!list.every((word) => placeholderWords.has(word))) return false;
  if (!/\b(?:question|answer|answers|response|reply|text|reasoning|explanation)\b/.test(words)) return false;
  return /\b(?:your|here|insert)\b/.test(words) || /^[[{<].*[\]}>]$/.test(trimmed) || /\w_\w/.test(trimmed);
}

/** The whole of an example, or a part that is too long to be what somebody means. */
function copies(words: string, example: string): boolean {
  return words === example || (words.split(" ").length >= 4 && example.includes(words));
}

const inapplicable =
  /^(?:n ?\/ ?a|na|n\.a|not applicable|not available|none of (?:the )?(?:above|these|those)(?: (?:answers|options|choices))?|null|undefined|nan)$/;

/** How refusals begin; what only says that the image does not show it abstains, which is looked for before. */
const refusal = new RegExp(
  [
    "i(?:'m| am) (?:\\w+ )?sorry\\b",
    "(?:\\w+ )?sorry,? (?:but )?i\\b",
    "(?:my apologies|i apologi[sz]e)\\b",
    "(?:i'm|i am|as) (?:just |only |merely )?an? (?:ai|artificial|large|language|text|machine|virtual)\\b",
    "(?:unfortunately,? )?i (?:can't|can ?not|could not|couldn't|won't|will not|am unable to|am not able to|do not|don't) (?:\\w+ )?(?:assist|help|see|view|access|provide|fulfil|comply|process|analy[sz]e|identify|recogni[sz]e|answer|respond|have (?:the ability|access)|comfortable)",
    "i'm (?:unable|not able|not comfortable)\\b",
    "please (?:provide|upload|share|attach)\\b",
  ]
    .map((start) => `^["'(]?${start}`)
    .join("|"),
  "i",
);

/** Lower case, without brackets, quotes, stars and closing punctuation around, underscores as spaces. */
function strip(text: string): string {
  return text
    .toLowerCase()
    .replace(/_/g, " ")
    .replace(/^[\s[\](){}<>"'`*]+|[\s[\](){}<>"'`*.,:;!?]+$/g, "")
    .replace(/\s+/g, " ");
}

/**
 * What a prompt writes where an answer or question belongs: inside the tags of that name, or in \boxed{}. A single word
 * there is left out, for it may be the right answer of an example.
 */
export function examplesIn(template: string, name: TagName): string[] {
  const pieces = piecesOf(template);
  const inside = pieces.flatMap((piece, i) => {
    const opening = pieces[i - 1];
    return piece.kind === "text" && opening?.kind === "open" && opening.name === name ? [piece.text] : [];
  });
  const boxed = name === "answer" ? (lastBoxed(template)?.content ?? "") : "";
  return [...inside, boxed].map(oneLine).filter((text) => text.includes(" "));
}
