import { Document, isMap, isScalar, isSeq, type Node } from "yaml";
import { z } from "zod";
import { isRecord } from "../common/json.ts";

type Schema = z.core.$ZodType;

/** The keys of an object schema, through defaults and other wrappers; undefined for all other schemas. */
export function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  return unwrap(schema).find((inner) => inner instanceof z.ZodObject)?.shape;
}

/**
 * What stands under a path of keys and places in lists, or undefined where the schema has no such key. Of kinds that differ
 * in a key, `value`, which is written at the schema's own place, says which it is.
 */
export function schemaAt(schema: Schema, path: readonly PropertyKey[], value?: unknown): Schema | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return schema;
  const inner =
    elementOf(schema, own(value, key)) ?? (own(shapeOf(schema), String(key)) as Schema | undefined);
  return inner && schemaAt(inner, rest, own(value, key));
}

/** A value's own part under a key. */
export function own(value: unknown, key: PropertyKey): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined;
}

/** What an element of a list is, by its value where there are kinds of them; undefined for what is no list. */
function elementOf(schema: Schema, value: unknown): Schema | undefined {
  const list = unwrap(schema).find((inner) => inner instanceof z.ZodArray);
  const element = list?.def.element;
  if (!(element instanceof z.ZodDiscriminatedUnion)) return element;
  const { discriminator, options } = element.def;
  const isKind = (option: Schema) =>
    isRecord(value) && shapeOf(option)?.[discriminator]?._zod.values?.has(value[discriminator] as never);
  return options.find(isKind);
}

/** Whether a setting's value is to be shown to nobody. */
export function isSecret(schema: Schema | undefined): boolean {
  return schema !== undefined && unwrap(schema).some((inner) => z.globalRegistry.get(inner)?.secret === true);
}

/** A configuration as YAML with the description of every key. */
export function toYaml(schema: Schema, values: unknown): string {
  const document = new Document(values);
  annotate(document.contents, schema);
  return document.toString({ lineWidth: 0 });
}

function annotate(node: Node | null, schema: Schema): void {
  if (isSeq<Node | null>(node)) {
    for (const item of node.items) {
      const element = elementOf(schema, item?.toJSON());
      if (element) annotate(item, element);
    }
  }
  const shape = shapeOf(schema);
  if (!shape || !isMap<unknown, Node | null>(node)) return;
  for (const { key, value } of node.items) {
    const child = isScalar(key) ? shape[String(key.value)] : undefined;
    if (!child || !isScalar(key)) continue;
    const comment = descriptionOf(child)?.replace(/^/gm, " ");
    if (comment && isScalar(value)) value.comment = comment;
    else if (comment) key.commentBefore = comment;
    key.spaceBefore = isMap(value);
    annotate(value, child);
  }
}

/** What a key means and, where there are few, which values it takes. */
function descriptionOf(schema: Schema): string | undefined {
  const wrappers = unwrap(schema);
  const described = wrappers.find((inner) => z.globalRegistry.get(inner)?.description);
  const text = described && z.globalRegistry.get(described)?.description;
  const choices = wrappers.find((inner) => inner instanceof z.ZodEnum)?.options;
  return choices ? [text, choices.join(" | ")].filter(Boolean).join(": ") : text;
}

/** What a list is as it is written where nobody says otherwise; undefined for all else. */
export function defaultListOf(schema: Schema): readonly unknown[] | undefined {
  const wrapper = unwrap(schema).find((inner) => inner instanceof z.ZodPrefault);
  const value: unknown = wrapper?.def.defaultValue;
  return Array.isArray(value) ? value : undefined;
}

/** The setting of a group that the group can be written as, if there is one. */
export function mainOf(schema: Schema): string | undefined {
  const main = unwrap(schema).map((inner) => z.globalRegistry.get(inner)?.main);
  return main.find((name) => typeof name === "string");
}

/** A schema and all that its defaults, optionals, nullables and transformations wrap, outermost first. */
function unwrap(schema: Schema): Schema[] {
  const { def } = schema._zod;
  const inner =
    "innerType" in def ? def.innerType : "in" in def ? describedSide(def as z.core.$ZodPipeDef) : undefined;
  return inner ? [schema, ...unwrap(inner as Schema)] : [schema];
}

/** What is checked before or after a transformation. */
function describedSide({ in: before, out: after }: z.core.$ZodPipeDef): Schema {
  return before instanceof z.ZodTransform ? after : before;
}
