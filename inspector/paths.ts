import type { Closeness } from "./answers.ts";

/** What the page asks for, below `api/`. */

function run(key: string): string {
  return `runs/${encodeURIComponent(key)}`;
}

export const paths = {
  runs: "runs",
  run: run as (key: string) => string,
  episodes: (key: string, query: string): string => `${run(key)}/episodes?${query}`,
  order: (key: string, query: string): string => `${run(key)}/order?${query}`,
  heads: (key: string, ids: readonly number[]): string => `${run(key)}/heads?ids=${ids.join()}`,
  episode: (key: string, id: number | string): string => `${run(key)}/episodes/${encodeURIComponent(id)}`,
  texts: (key: string, id: number | string): string => `${run(key)}/episodes/${encodeURIComponent(id)}/texts`,
  histogram: (key: string, phase: string, figure: string): string =>
    `${run(key)}/histogram/${encodeURIComponent(figure)}?phase=${encodeURIComponent(phase)}`,
  drift: (key: string, closeness: Closeness): string => `${run(key)}/drift/${closeness}`,
  curriculum: (key: string, round: number, closeness: Closeness): string =>
    `${run(key)}/curriculum/${round}/${closeness}`,
  fate: (key: string, image: string, question: string): string =>
    `${run(key)}/fate?${new URLSearchParams({ image, question })}`,
  compare: (params: URLSearchParams): string => `compare?${params}`,
  sight: (key: string, { width, height }: { readonly width: number; readonly height: number }): string =>
    `${run(key)}/sight?width=${width}&height=${height}`,
  image: (key: string, id: string, size: number | undefined): string =>
    `${run(key)}/images/${encodeURIComponent(id)}${size === undefined ? "" : `?size=${size}`}`,
  live: (key: string): string => `${run(key)}/live`,
} as const;
