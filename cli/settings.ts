import { readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, LineCounter, parse, parseDocument } from "yaml";
import type { z } from "zod";
import { VisplayError } from "../common/errors.ts";
import { isRecord } from "../common/json.ts";
import { nearest } from "./nearest.ts";
import { defaultListOf, isSecret, mainOf, own, schemaAt, shapeOf } from "./schema.ts";

type Path = readonly PropertyKey[];

/** Settings from one source; `where` names the place in it that set a path, for messages. */
export interface Layer {
  readonly values: Readonly<Record<string, unknown>>;
  where(path: Path): string;
}

/** The settings of a YAML file. Throws "config" if it cannot be read or is no mapping. */
export function fileLayer(file: string): Layer {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines });
  const [problem] = document.errors;
  if (problem) throw new VisplayError("config", `${file}: ${problem.message}`, { cause: problem });
  const values: unknown = document.toJS() ?? {};
  if (!isRecord(values)) {
    throw new VisplayError("config", `${file}: expected keys with values, found ${show(values)}`);
  }
  const where = (path: Path) => {
    let node: unknown = document.contents;
    let offset = 0;
    for (const key of path) {
      const pair =
        isMap(node) && node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      const next: unknown = pair ? pair.key : isSeq(node) ? node.items[key as number] : undefined;
      offset = (next as { range?: [number] } | undefined)?.range?.[0] ?? offset;
      node = pair ? pair.value : next;
    }
    return `${file}:${lines.linePos(offset).line}`;
  };
  return { values, where };
}

/** One `--set a.b=value`; the value is read as YAML, so that 3, 1e-4, true and [a, b] have their types. */
export function assignmentLayer(assignment: string): Layer {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
  const keys = path?.split(".").map((key) => key.trim());
  if (value === undefined || !keys || keys.includes("")) {
    throw new VisplayError("usage", `--set ${assignment}: expected key=value, such as reasoner.groupSize=4`);
  }
  try {
    return valueLayer(`--set ${assignment}`, keys, parse(value));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new VisplayError("usage", `--set ${assignment}: the value is no YAML: ${reason}`, { cause });
  }
}

/** One value under a path, from the named source. */
export function valueLayer(source: string, path: readonly string[], value: unknown): Layer {
  const values = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  return { values: values as Layer["values"], where: () => source };
}

/**
 * Merges layers, later ones over earlier ones (objects key by key, lists whole or by numbered places), and checks the
 * result.
 * Throws "config" with every problem: its path and source, what was found and what was expected.
 */
export function resolve<S extends z.ZodType>(schema: S, written: readonly Layer[]): z.output<S> {
  const layers = written.map((layer) => ({
    ...layer,
    values: spellOut(schema, layer.values) as Layer["values"],
  }));
  const joint = layers.reduce<unknown>((below, { values }) => merge(below, values), defaultLists(schema));
  // Of a place in a list, only the whole may tell which kind it is.
  const merged = spellOut(schema, joint);
  const result = schema.safeParse(merged);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => explain(issue, schema, merged, layers));
  const heading = problems.length === 1 ? "a setting is wrong" : `${problems.length} settings are wrong`;
  throw new VisplayError("config", [`${heading}:`, ...problems].join("\n  "));
}

/** The lists that settings are where nobody says otherwise, so that one place of them can be changed. */
function defaultLists(schema: z.ZodType): Readonly<Record<string, readonly unknown[]>> {
  const lists = Object.entries(shapeOf(schema) ?? {}).flatMap(([key, each]) => {
    const list = defaultListOf(each);
    return list ? [[key, list] as const] : [];
  });
  return Object.fromEntries(lists);
}

/** Groups that are written as their main setting alone, as groups, at any depth. */
function spellOut(schema: z.core.$ZodType, written: unknown): unknown {
  const main = mainOf(schema);
  const value = main && written != null && !isRecord(written) ? { [main]: written } : written;
  const inner = (key: PropertyKey, each: unknown) => {
    const part = schemaAt(schema, [key], value);
    return part ? spellOut(part, each) : each;
  };
  if (Array.isArray(value)) return value.map((each, place) => inner(place, each));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inner(key, each)]));
}

function merge(below: unknown, above: unknown): unknown {
  if (Array.isArray(below) && isRecord(above)) return mergePlaces(below, above) ?? above;
  if (!isRecord(below) || !isRecord(above)) return above;
  const merged = Object.entries(above).map(([key, value]) => [key, merge(own(below, key), value)]);
  return { ...below, ...Object.fromEntries(merged) };
}

/** A list with other values at some of its places, as `stages.0.rounds=2` says them; null where they are no places. */
function mergePlaces(below: readonly unknown[], above: Readonly<Record<string, unknown>>): unknown[] | null {
  const places = Object.entries(above).map(([key, value]) => [Number(key), value] as const);
  if (!places.every(([place]) => Number.isInteger(place) && place >= 0 && place <= below.length)) return null;
  const merged = [...below];
  for (const [place, value] of places) merged[place] = merge(below[place], value);
  return merged;
}

function explain(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  merged: unknown,
  layers: readonly Layer[],
): string[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    // What options may say depends on what they are for, which no schema of settings has.
    const inner = schemaAt(schema, path, merged);
    const known = Object.keys((inner && shapeOf(inner)) ?? {});
    return issue.keys.map((key) => {
      const parent = path.length > 0 ? ` in ${path.join(".")}` : "";
      const guess = nearest(key, known);
      const keys = known.length > 0 ? `; known keys: ${known.join(", ")}` : "";
      const hint = guess ? `; did you mean ${guess}?` : keys;
      return `unknown key ${key}${parent}${source([...path, key], layers)}${hint}`;
    });
  }
  const secret = isSecret(schemaAt(schema, path, merged));
  const found = secret ? "something else (not shown)" : show(at(merged, path));
  return [`${path.join(".")}${secret ? "" : source(path, layers)}: found ${found}, ${expectation(issue)}`];
}

/** What zod expected, without its prefix ("Too small: ") and its type of what it received. */
function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const branches = issue.errors.flatMap((branch) => branch.slice(0, 1).map(expectation));
    return [...new Set(branches)].join(" or ").replaceAll(" or expected ", " or ");
  }
  return issue.message.replace(/^[A-Z][a-z ]+: (?=expected|must)/, "").replace(/, received \w+$/, "");
}

/** " (file.yaml:3)": the last source that set a path. */
function source(path: Path, layers: readonly Layer[]): string {
  const layer = layers.findLast(({ values }) => at(values, path) !== undefined);
  return layer ? ` (${layer.where(path)})` : "";
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((current, key) => own(current, key), value);
}

function show(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (cause as Error).message;
    throw new VisplayError("config", `--config ${file}: ${reason}`, { cause });
  }
}
