/** The kinds of settings: each has a default and says what it is, and in which unit. */

import * as z from "zod";

type Setting<S extends z.ZodType> = z.ZodDefault<S>;

/** Settings that stand among others of their group. */
export type Settings<T> = { readonly [K in keyof T]: z.ZodType<T[K]> };

/** A group of settings some of which may be null before they are resolved. */
export type Unresolved<T, K extends keyof T> = Omit<T, K> & { readonly [P in K]: T[P] | null };

export function count(fallback: number, text: string, minimum = 1): Setting<z.ZodInt> {
  return z.int().min(minimum).default(fallback).describe(text);
}

export function number(
  fallback: number,
  text: string,
  minimum = 0,
  maximum: number = Number.MAX_VALUE,
): Setting<z.ZodNumber> {
  return z.number().min(minimum).max(maximum).default(fallback).describe(text);
}

export function share(fallback: number, text: string): Setting<z.ZodNumber> {
  return number(fallback, `${text} (share, 0 to 1)`, 0, 1);
}

export function seed(fallback: number, text: string): Setting<z.ZodInt> {
  return z.int().min(0).max(0xffff_ffff).default(fallback).describe(`${text} (0 to 4294967295)`);
}

export function flag(fallback: boolean, text: string): Setting<z.ZodBoolean> {
  return z.boolean().default(fallback).describe(text);
}

export function choice<const T extends string>(
  values: readonly T[],
  fallback: NoInfer<T>,
  text: string,
): Setting<z.ZodType<T>> {
  return z
    .enum(values as readonly [T, ...T[]])
    .default(fallback as never)
    .describe(text) as never;
}

export function optionalCount(text: string, minimum = 1): Setting<z.ZodNullable<z.ZodInt>> {
  return z.int().min(minimum).nullable().default(null).describe(text);
}

export function optionalNumber(
  text: string,
  minimum = 0,
  maximum: number = Number.MAX_VALUE,
): Setting<z.ZodNullable<z.ZodNumber>> {
  return z.number().min(minimum).max(maximum).nullable().default(null).describe(text);
}

export function optionalFlag(text: string): Setting<z.ZodNullable<z.ZodBoolean>> {
  return z.boolean().nullable().default(null).describe(text);
}

export function text(fallback: string, about: string): Setting<z.ZodString> {
  return z.string().min(1).default(fallback).describe(about);
}

export function optionalText(text: string): Setting<z.ZodNullable<z.ZodString>> {
  return z.string().min(1).nullable().default(null).describe(text);
}

/** A group that can be written as the value of its setting `main` alone, too. */
export function groupOrMain<S extends z.ZodRawShape>(
  main: keyof S & string,
  shape: S,
  text: string,
): z.ZodType<z.output<z.ZodObject<S, z.core.$strict>>> {
  const spellOut = (value: unknown) =>
    typeof value === "object" || value === undefined ? value : { [main]: value };
  return z
    .preprocess(spellOut, z.strictObject(shape).prefault({} as never))
    .meta({ description: text, main }) as never;
}

/** Settings that belong together; what is left out takes its default, what is unknown is refused. */
export function group<S extends z.ZodRawShape>(
  shape: S,
  text: string,
): z.ZodPrefault<z.ZodObject<S, z.core.$strict>> {
  return z
    .strictObject(shape)
    .describe(text)
    .prefault({} as never);
}
