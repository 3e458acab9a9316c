import { useEffect, useRef, useState } from "preact/hooks";
import type { Closeness } from "../answers.ts";
import type { Failure } from "./port.ts";
import { source } from "./source.ts";

/** An answer on its way: what is known, whether it is of the path that is asked for now, and what went wrong. */
export interface Loading<T> {
  readonly value: T | undefined;
  readonly isCurrent: boolean;
  readonly failure: Failure | undefined;
  /** Whether it takes so long that one should say so. */
  readonly isSlow: boolean;
}

const SLOW_MS = 300;

const kept = new Map<string, unknown>();
const KEPT = 60;

/** An answer by its path; the one before is shown until it is there. `version` asks anew, null asks nothing. */
export function useAnswer<T>(path: string | null, version: unknown = 0): Loading<T> {
  const key = path === null ? null : `${path}\n${version}`;
  const [state, setState] = useState<{ key: string | null; value?: T; failure?: Failure; isSlow: boolean }>({
    key: null,
    isSlow: false,
  });
  const last = useRef<T | undefined>(undefined);
  useEffect(() => {
    if (path === null || key === null) return;
    if (kept.has(key)) {
      last.current = kept.get(key) as T;
      setState({ key, value: last.current, isSlow: false });
      return;
    }
    const controller = new AbortController();
    const slow = setTimeout(() => setState((before) => ({ ...before, isSlow: true })), SLOW_MS);
    source
      .json<T>(path, controller.signal)
      .then((value) => {
        keep(key, value);
        last.current = value;
        setState({ key, value, isSlow: false });
      })
      .catch((failure) => {
        if (!controller.signal.aborted) setState({ key, failure, isSlow: false });
      })
      .finally(() => clearTimeout(slow));
    return () => {
      clearTimeout(slow);
      controller.abort();
    };
  }, [key]);
  const isCurrent = state.key === key && state.failure === undefined && state.value !== undefined;
  return {
    value: isCurrent ? state.value : last.current,
    isCurrent,
    failure: state.key === key ? state.failure : undefined,
    isSlow: state.isSlow && !isCurrent,
  };
}

/**
 * What a glance answers at once and, where that is not all, what a closer look answers once it is there. A file has looked
 * closely already.
 */
export function useCloserAnswer<T>(
  path: ((closeness: Closeness) => string) | null,
  isAll: (glance: T) => boolean,
  version: unknown,
): Loading<T> {
  const glance = useAnswer<T>(source.live && path ? path("glance") : null, version);
  const isEnough = glance.value !== undefined && isAll(glance.value);
  const isNext = path !== null && !isEnough && (source.live === null || glance.value !== undefined);
  const look = useAnswer<T>(isNext ? path("look") : null, version);
  const lookedAt = useRef<string>(undefined);
  if (look.isCurrent) lookedAt.current = path?.("look");
  // An old look at the same is better than a new glance at it.
  const hasLooked = lookedAt.current !== undefined && lookedAt.current === path?.("look");
  return hasLooked && !isEnough ? look : { ...glance, failure: glance.failure ?? look.failure };
}

function keep(key: string, value: unknown): void {
  kept.set(key, value);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}
