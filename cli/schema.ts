import { Document, isMap, isScalar, type Node } from "yaml";
import { z } from "zod";

type Schema = z.core.$ZodType;

/** The keys of an object schema, through defaults and other wrappers; undefined for all other schemas. */
export function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  return unwrap(schema).find((inner) => inner instanceof z.ZodObject)?.shape;
}

/** What stands under a path of keys, or undefined where the schema has no such key. */
export function schemaAt(schema: Schema, path: readonly PropertyKey[]): Schema | undefined {
  return path.reduce<Schema | undefined>((at, key) => at && shapeOf(at)?.[String(key)], schema);
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
