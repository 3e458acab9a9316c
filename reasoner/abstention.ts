import { plainWords } from "./wording.ts";

/** The class of all answers that decline to answer. */
export const unanswerable = "unanswerable";

const verbs =
  "determined?|tell|told|say|said|known?|infer(?:red)?|decided?|conclude(?:d)?|work(?:ed)? out|establish(?:ed)?|deduced?|derived?|calculated?";
const source =
  "(?:(?:just |only |solely |based )*(?:from|on|by|in|with|within|using|given) (?:the |this |that |what is |a )?(?:given |provided |available |shown |single )?(?:image|picture|photo|photograph|figure|diagram|drawing|chart|graph|map|table|scene|information|data|context|question|text)s?(?: (?:alone|itself|only|given|provided|shown|above|available))*)";
const certainty =
  "(?:for (?:certain|sure)|with (?:certainty|confidence)|exactly|definitively|accurately|at all)";
const knowledge = "(?:information|data|details?|context|evidence)";

/** What declines, whole; subjects and what it is declined about may be any few words without a comma. */
const abstentions: readonly RegExp[] = [
  `(?:no,? )?(?:[^,;.]{0,80} (?:is|are|with) )?(?:(?:the )?word )?(?:unanswerable|not answerable|indeterminable|undeterminable|not determinable|undetermined|indeterminate)`,
  `(?:[^,;.]{0,80} )?(?:can|could) not (?:really |actually |accurately |definitively |reliably )?(?:be )?(?:${verbs})(?: ${certainty})?(?: [^,;.]{0,80})?`,
  `(?:[^,;.]{0,80} )?(?:can|could) not (?:be (?:answered|identified)(?: [^,;.]{0,80})?|answer(?: (?:the|this|that|your) question)?)`,
  `(?:[^,;.]{0,80} )?(?:unable to|not able to|not possible to|impossible to|no way to|not be able to) (?:${verbs}|answer(?: (?:the|this|that) question)?)(?: [^,;.]{0,80})?`,
  `(?:(?:there|the image|the picture) (?:is|has|are) )?(?:not enough|insufficient|inadequate|no) ${knowledge}(?: (?:is |was )?(?:given|provided|available|shown))?(?: to (?:${verbs}|answer)[^,;.]{0,80})?`,
  `(?:the )?(?:image|picture|figure|question|photo) (?:does|do) not (?:show|give|provide|contain) (?:enough ${knowledge}|what is (?:needed|asked|required))(?: (?:to|for) [^,;.]{0,80})?`,
  `(?:i |we )?(?:do|does) not know(?: the answer)?|i have no idea|no idea|(?:i am |im )?not sure`,
  `not (?:specified|stated|mentioned|given|provided|determinable|known)`,
].map((pattern) => new RegExp(`^(?:sorry,? |it |this )?(?:${pattern})(?: ${source})?$`));

/** Words after which something is answered all the same. */
const answersStill = /\b(?:but|however|although|though|probably|likely|looks like|appears|seems)\b/;

/** In characters; nothing longer is a mere abstention. */
const longest = 300;

/**
 * Whether a text declines to answer and does nothing else: "unanswerable", "I cannot determine the colour", "cannot
 * be determined from the picture", "it is impossible to tell", "not enough information", "I don't know". "None" and
 * "unknown" are answers, and so is "not sure, but 5".
 */
export function declines(text: string): boolean {
  if (text.length > longest) return false;
  const plain = plainWords(text.replaceAll(/["“”]/g, "").replace(/[\s.!]+$/, ""));
  return !answersStill.test(plain) && abstentions.some((pattern) => pattern.test(plain));
}
