import { Document, isMap, isScalar, type Node } from "yaml";
import { z } from "zod";

/** The keys of an object schema, through defaults and other wrappers; undefined for all other schemas. */
export function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape;
  const inner = innerOf(schema);
  return inner && shapeOf(inner);
}

/** What stands under a path of keys, or undefined where the schema has no such key. */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>(
    (current, key) => current && shapeOf(current)?.[String(key)],
    schema,
  );
}

/** A configuration as YAML, each key below its description. */
export function toYaml(schema: z.core.$ZodType, values: unknown): string {
  const document = new Document(values);
  annotate(document.contents, schema);
  return document.toString({ lineWidth: 0 });
}

function annotate(node: Node | null, schema: z.core.$ZodType): void {
  const shape = shapeOf(schema);
  if (!shape || !isMap<unknown, Node | null>(node)) return;
  for (const { key, value } of node.items) {
    const child = isScalar(key) ? shape[String(key.value)] : undefined;
    if (!child || !isScalar(key)) continue;
    const description = descriptionOf(child);
    if (description) key.commentBefore = description.replace(/^/gm, " ");
    key.spaceBefore = isMap(value);
    annotate(value, child);
  }
}

function descriptionOf(schema: z.core.$ZodType): string | undefined {
  const own = z.globalRegistry.get(schema)?.description;
  const inner = innerOf(schema);
  return own ?? (inner && descriptionOf(inner));
}

/** The schema that a default, optional, nullable or readonly wraps. */
function innerOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const { def } = schema._zod;
  return "innerType" in def ? (def.innerType as z.core.$ZodType) : undefined;
}
