/** C0, DEL and C1; what turns the direction of text; separators of lines; halves of surrogate pairs. */
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\p{Surrogate}]/gu;

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * A text from outside (a model, a file's name) as one line that a terminal may be sent: what would move its cursor,
 * change its colours or the order of its letters is written as an escape, such as \u001b. The same for what is printable.
 */
export function escapeControls(text: string): string {
  return text.replace(unprintable, (character) => short[character] ?? unicodeEscape(character.charCodeAt(0)));
}

/** As JSON escapes it, so that JSON stays the same JSON. */
function unicodeEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
