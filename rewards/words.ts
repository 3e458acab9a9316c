/** A text without its tags. */
export function withoutTags(text: string): string {
  return text.replace(/<\/?[a-z_]{1,16}>/gi, " ");
}

/** Words in small letters, plurals as their singulars. */
export function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => (word.length > 3 ? word.replace(/(?<!s)s$/, "") : word));
}

/** Words that a question has whatever it is about. */
const grammar = new Set(
  wordsOf(
    `a an the this that these those which what who whose where when why how many much often is are was were be been being
    do does did has have had can could will would shall should may might must there here it its they them their he she
    his her you your i we us our of in on at to from by for with without about into over under between than as or and
    but not no nor so if then else any some all each every both either one ones more most less least picture image photo
    photograph shown show see seen visible answer question following choose option color colour number name kind type`,
  ),
);

/** The words of a text without those that any question has. */
export function contentWords(text: string): string[] {
  return wordsOf(text).filter((word) => !grammar.has(word));
}
