/** English words that are written in several ways without a difference: "isn't" and "isnt", "in kitchen" and "in the kitchen". */

const auxiliaries = "is are was were do does did has have had would could should must need can ca wo sha ai";
const negated = new RegExp(String.raw`\b(${auxiliaries.replaceAll(" ", "|")})(?: ?n't|nt| not|not)\b`, "g");
const irregular: Readonly<Record<string, string>> = { ca: "can", wo: "will", sha: "shall" };

/** Contractions whose letters alone spell no other word: not "its", "were", "well", "ill". */
const contractions = new Set(
  "im ive youre youve youll theyre theyve theyll hes shes thats whats wheres whos theres heres oclock".split(
    " ",
  ),
);

const prepositions =
  "in on at of to by with from for under over near behind beside between inside outside into onto through above below against";
const innerArticle = new RegExp(
  String.raw`(?<=\b(?:${prepositions.replaceAll(" ", "|")}|and|or) )(?:the|an?) (?!(?:few|little|lot|bit|and|or|to|is)\b)(?=\p{L}{2})`,
  "gu",
);

/** One spelling for each meaning, in lower case. */
export function plainWords(text: string): string {
  return foldCase(text)
    .replace(/\p{L}+'\p{L}+/gu, (word) => {
      const letters = word.replace("'", "");
      return contractions.has(letters) ? letters : word;
    })
    .replace(negated, (_, verb: string) => `${irregular[verb] ?? verb} not`)
    .replace(innerArticle, "")
    .replace(/(?<=\p{L})-(?=\p{L}{2})|(?<=\p{L}{2})-(?=\p{L})/gu, " ")
    .replace(/(?<=\d) ?([ap]m)$/, " $1")
    .replace(/(?<=\d) %/g, "%")
    .replace(/^(是|对|不是|有|没有)的$/, "$1");
}

/** In lower case, but for genotypes, "FF" and "Ff", whose meaning is their case. */
function foldCase(text: string): string {
  return /^(?:([a-z])\1)+$/i.test(text) ? text : text.toLowerCase();
}
