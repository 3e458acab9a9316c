import type { SchemaElement } from "hyparquet-writer";
import type { NamedPicture } from "./row.ts";

/** The type of a column: of Parquet, and of Hugging Face's features. */
export type Feature =
  | "string"
  | "int32"
  | "float64"
  | "image"
  /** Any value, which `datasets` from 4.7 on gives back as it was. */
  | "json"
  | readonly [Feature]
  | { readonly [field: string]: Feature };

export type Features = Readonly<Record<string, Feature>>;

/** A cell of a column "image". */
export interface ImageCell {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** A picture as such a cell. */
export function cell({ picture, fileName }: NamedPicture): ImageCell {
  return { bytes: picture.bytes, path: fileName };
}

/** Columns as Parquet has them: every cell may be null, lists have three levels. */
export function schemaOf(features: Features): SchemaElement[] {
  const columns = Object.entries(features);
  return [
    { name: "root", num_children: columns.length },
    ...columns.flatMap(([name, type]) => elementsOf(name, type)),
  ];
}

const plain: Readonly<Record<string, Omit<SchemaElement, "name">>> = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  int32: { type: "INT32" },
  float64: { type: "DOUBLE" },
  json: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
};

function elementsOf(name: string, type: Feature): SchemaElement[] {
  const optional = { name, repetition_type: "OPTIONAL" } as const;
  if (type === "image")
    return [
      { ...optional, num_children: 2 },
      { name: "bytes", repetition_type: "OPTIONAL", type: "BYTE_ARRAY" },
      { name: "path", repetition_type: "OPTIONAL", ...plain.string },
    ];
  if (typeof type === "string") return [{ ...optional, ...plain[type] }];
  if (isList(type))
    return [
      { ...optional, converted_type: "LIST", logical_type: { type: "LIST" }, num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      ...elementsOf("element", type[0]),
    ];
  const fields = Object.entries(type);
  return [
    { ...optional, num_children: fields.length },
    ...fields.flatMap(([field, own]) => elementsOf(field, own)),
  ];
}

/** What the key `huggingface` of a Parquet file says, so that `datasets` decodes images. */
export function huggingFaceInfo(features: Features): string {
  const said = Object.entries(features).map(([name, type]) => [name, inJson(type)]);
  return JSON.stringify({ info: { features: Object.fromEntries(said) } });
}

function inJson(type: Feature): unknown {
  if (type === "image") return { _type: "Image" };
  if (type === "json") return { _type: "Json" };
  if (typeof type === "string") return { dtype: type, _type: "Value" };
  if (isList(type)) return [inJson(type[0])];
  return Object.fromEntries(Object.entries(type).map(([field, own]) => [field, inJson(own)]));
}

/** The same as `dataset_info` of a card has it, a list of columns. */
export function cardFeatures(features: Features): object[] {
  return Object.entries(features).map(([name, type]) => ({ name, ...inCard(type) }));
}

function inCard(type: Feature): object {
  if (typeof type === "string") return { dtype: type };
  if (!isList(type)) return { struct: cardFeatures(type as Features) };
  const [element] = type;
  return {
    list:
      typeof element === "string"
        ? element
        : isList(element)
          ? inCard(element)
          : cardFeatures(element as Features),
  };
}

export function holdsImages(type: Feature): boolean {
  return type === "image" || (isList(type) && holdsImages(type[0]));
}

function isList(type: Feature): type is readonly [Feature] {
  return Array.isArray(type);
}
