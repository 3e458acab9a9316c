import { isUtf8 } from "node:buffer";
import { isRecord } from "../common/json.ts";
import { BrokenRowError } from "./tables/table.ts";

/** What a row asks, and the answer that a conversation goes on with; null where it does not. */
export interface Asked {
  readonly question: string;
  readonly answer: string | null;
}

/**
 * A question as it may be written: a text, or a conversation of turns {role, content} or {from, value}, of which the user
 * has one. Markers of pictures are taken out. Throws a `BrokenRowError` where there is none, or they are not as many.
 */
export function questionIn(cell: unknown, pictures: number): Asked {
  const { question, answer } = Array.isArray(cell)
    ? conversation(cell)
    : { question: textIn(cell), answer: null };
  if (question === null) throw new BrokenRowError(`found ${kindOf(cell)}, expected a question`);
  const marker = /<image>/g;
  const marked = question.match(marker)?.length ?? 0;
  if (marked > 0 && marked !== pictures)
    throw new BrokenRowError(`found ${marked} <image> in the question and ${pictures} pictures`);
  const text = question.replace(marker, "").trim();
  if (text === "") throw new BrokenRowError("found an empty question");
  return { question: text, answer };
}

interface Turn {
  readonly role: string;
  readonly text: string;
}

function conversation(cells: readonly unknown[]): { question: string | null; answer: string | null } {
  const turns = cells.map(turnIn);
  const asked = turns.filter(({ role }) => role === "user" || role === "human");
  if (asked.length !== 1) throw new BrokenRowError(`found ${asked.length} turns of the user, expected one`);
  const last = turns.at(-1);
  const isAnswered = last?.role === "assistant" || last?.role === "gpt";
  return { question: asked[0]?.text ?? null, answer: isAnswered ? last.text : null };
}

function turnIn(cell: unknown): Turn {
  const { role, from, content, value } = isRecord(cell) ? cell : {};
  const text = textOfContent(content ?? value);
  if (typeof (role ?? from) === "string" && text !== null) return { role: String(role ?? from), text };
  throw new BrokenRowError(`found ${kindOf(cell)}, expected a turn {role, content}`);
}

/** A content in parts is their texts, with a marker for each picture. */
function textOfContent(content: unknown): string | null {
  if (!Array.isArray(content)) return textIn(content);
  const texts = content.map((part) => {
    if (!isRecord(part)) return textIn(part) ?? "";
    return part.type === "image" || part.type === "image_url" ? "<image>" : (textIn(part.text) ?? "");
  });
  return texts.join("");
}

/**
 * The true answers in a cell, of which any is right: a text, number or truth value, a list of them, or {ground_truth}.
 * Empty where it holds none.
 */
export function answersIn(cell: unknown): string[] {
  if (Array.isArray(cell)) return [...new Set(cell.flatMap(answersIn))];
  if (!(cell instanceof Uint8Array) && isRecord(cell))
    return answersIn(cell.ground_truth ?? cell.answer ?? cell.text);
  const text = textIn(cell)?.trim() ?? "";
  const inTags = /^<answer>(.*)<\/answer>$/s.exec(text)?.[1]?.trim() ?? text;
  return inTags === "" ? [] : [inTags];
}

/** All that a cell says, be it a text, a list, an object with one, or a conversation; markers of pictures are taken out. */
export function textsIn(cell: unknown): string[] {
  if (Array.isArray(cell)) return cell.flatMap(textsIn);
  if (!(cell instanceof Uint8Array) && isRecord(cell))
    return textsIn(cell.content ?? cell.value ?? cell.text ?? cell.ground_truth ?? cell.answer);
  const text = textIn(cell)?.replaceAll("<image>", "").trim() ?? "";
  return text === "" ? [] : [text];
}

/** A cell as text; null where it is none. What is true or false is yes or no, as questions are answered. */
export function textIn(cell: unknown): string | null {
  if (typeof cell === "string") return cell;
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  if (typeof cell === "number" || typeof cell === "bigint") return String(cell);
  return cell instanceof Uint8Array && isUtf8(cell) ? Buffer.from(cell).toString("utf8") : null;
}

/** A cell as text: lists and objects, too, as JSON; "" for nothing, and for bytes that are no text. */
export function writtenCell(cell: unknown): string {
  const text = textIn(cell);
  if (text !== null || typeof cell !== "object" || cell === null || cell instanceof Uint8Array)
    return text ?? "";
  return JSON.stringify(cell, (_, value: unknown) => {
    if (typeof value === "bigint") return Number(value);
    return ArrayBuffer.isView(value) && !(value instanceof DataView) ? [...(value as Float64Array)] : value;
  });
}

function kindOf(cell: unknown): string {
  if (cell === undefined || cell === null) return "nothing";
  if (Array.isArray(cell)) return "a list";
  return typeof cell === "object" ? "an object" : `a ${typeof cell}`;
}
