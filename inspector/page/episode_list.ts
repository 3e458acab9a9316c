import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { EpisodeHead, EpisodePage } from "../../replay/query.ts";
import { paths } from "../paths.ts";
import type { Failure } from "./port.ts";
import { source } from "./source.ts";

/** Rows that come at once, before the numbers of all are known. */
const FIRST_ROWS = 60;

/** Rows that are asked for at once while one scrolls. */
const BATCH = 120;

/** How long a row must be in view before it is asked for, ms: a fling passes thousands. */
const REST_MS = 40;

/** Episodes in an order, as far as they are known. */
export interface EpisodeList {
  /** How many there are; null until that is known. */
  readonly total: number | null;
  /** How many rows there are to show by now. */
  readonly length: number;
  idAt(index: number): number | undefined;
  /** Undefined while it is on its way, null where it cannot be read. */
  headAt(index: number): EpisodeHead | null | undefined;
  indexOf(id: number): number;
  /** Says which rows are in view, so that they are asked for. */
  show(first: number, last: number): void;
  readonly failure: Failure | undefined;
  /** Whether rows are shown of the query before. */
  readonly isOld: boolean;
}

interface Rows {
  readonly key: string;
  readonly ids: Uint32Array;
  readonly isWhole: boolean;
}

/** The numbers of the episodes of the list that was shown last, for steps from one to the next. */
let lastRows: Rows | undefined;

/** The episodes that a query matches: the first rows at once, then the numbers of all, then rows as they are shown. */
export function useEpisodeList(run: string, query: string, version: number): EpisodeList {
  const key = `${run}?${query}#${version}`;
  const [rows, setRows] = useState<Rows | undefined>(() => (lastRows?.key === key ? lastRows : undefined));
  const [failure, setFailure] = useState<Failure>();
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const heads = useRef(new Map<number, EpisodeHead | null>());
  const asked = useRef<AbortController>(undefined);
  // An effect is cleaned up after the page was drawn: what was on its way for the query before may come in between.
  const wanted = useRef(key);
  wanted.current = key;

  useEffect(() => {
    if (rows?.key === key && rows.isWhole) return;
    const controller = new AbortController();
    const { signal } = controller;
    const keep = (next: Rows) => {
      if (signal.aborted || wanted.current !== key) return;
      lastRows = next;
      setRows(next);
      setFailure(undefined);
    };
    let isWhole = false;
    source
      .json<EpisodePage>(paths.episodes(run, joined(query, `limit=${FIRST_ROWS}`)), signal)
      .then(({ episodes, damaged, next }) => {
        for (const head of episodes) heads.current.set(head.id, head);
        for (const id of damaged) heads.current.set(id, null);
        const ids = Uint32Array.from(episodes.map(({ id }) => id));
        if (!isWhole) keep({ key, ids, isWhole: next === null && damaged.length === 0 });
      })
      .then(() => source.ids(paths.order(run, query), signal))
      .then((ids) => {
        isWhole = true;
        keep({ key, ids, isWhole });
      })
      .catch((error) => {
        if (!signal.aborted) setFailure(error);
      });
    return () => controller.abort();
  }, [key]);

  const timer = useRef(0);
  const ids = rows?.ids ?? new Uint32Array();
  return useMemo(
    () => ({
      total: rows?.isWhole ? rows.ids.length : null,
      length: ids.length,
      idAt: (index) => ids[index],
      headAt: (index) => heads.current.get(ids[index] as number),
      indexOf: (id) => ids.indexOf(id),
      show(first, last) {
        clearTimeout(timer.current);
        timer.current = window.setTimeout(() => {
          const middle = Math.floor((first + last) / 2);
          const from = Math.max(0, Math.min(first, middle - BATCH / 2));
          const wanted = [...ids.subarray(from, Math.max(last + 1, from + BATCH))];
          const missing = wanted.filter((id) => !heads.current.has(id));
          if (missing.length === 0) return;
          asked.current?.abort();
          asked.current = new AbortController();
          source
            .json<(EpisodeHead | null)[]>(paths.heads(run, missing), asked.current.signal)
            .then((found) => {
              for (const [i, id] of missing.entries()) heads.current.set(id, found[i] ?? null);
              redraw(0);
            })
            .catch((error) => {
              if (error.name !== "AbortError") setFailure(error);
            });
        }, REST_MS);
      },
      failure,
      isOld: rows !== undefined && rows.key !== key,
    }),
    [rows, failure, key, heads.current.size],
  );
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("&");
}
