import * as z from "zod";

export type JsonSchema = Readonly<Record<string, unknown>>;

const form = z.looseObject({
  type: z.literal("object"),
  properties: z.record(z.string(), z.union([z.record(z.string(), z.unknown()), z.boolean()])).optional(),
  required: z.array(z.string()).optional(),
});

/** What checks arguments by the JSON Schema of an object. Throws an `Error` that says why there can be none. */
export function argumentsBy(schema: unknown): z.ZodType {
  const known = form.safeParse(schema);
  if (!known.success)
    throw new Error(
      `expected the JSON Schema of an object, {"type": "object", "properties": {…}}: ${z.prettifyError(known.error)}`,
    );
  return z.fromJSONSchema(known.data as Parameters<typeof z.fromJSONSchema>[0]);
}
