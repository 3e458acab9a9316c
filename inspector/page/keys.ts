import { useLayoutEffect, useRef } from "preact/hooks";

/** What keys do, for the sheet of help. */
export const keyHelp: readonly (readonly [keys: string, does: string])[] = [
  ["j k", "next, previous row"],
  ["Enter", "open it"],
  ["n p", "next, previous episode of the list"],
  ["[ ]", "previous, next rollout of a group"],
  ["/", "search"],
  ["g r", "the run"],
  ["g q", "what the Questioner asks"],
  ["g e", "episodes"],
  ["g c", "the curriculum"],
  ["g m", "compare"],
  ["g l", "list of runs"],
  ["?", "this sheet"],
  ["Esc", "back, or close"],
];

/** How soon after g the other key of a pair must come. */
const PAIR_MS = 2000;

type Handler = (event: KeyboardEvent) => void;

/** Calls handlers by key; what is typed into a field is not a key, but for Escape, which leaves it. */
export function useKeys(handlers: Readonly<Record<string, Handler>>): void {
  const current = useRef(handlers);
  current.current = handlers;
  // Before anybody sees the screen: an effect after the first paint would miss the key of who is quick.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (target.matches("input, select, textarea")) {
        if (event.key === "Escape") target.blur();
        return;
      }
      const name = before.key === "g" && last.ms - before.ms < PAIR_MS ? `g ${event.key}` : event.key;
      const handler = current.current[name];
      if (!handler) return;
      event.preventDefault();
      handler(event);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

interface Press {
  readonly key: string;
  readonly ms: number;
}

/** The key that is being handled, and the one before. */
let last: Press = { key: "", ms: 0 };
let before = last;

/** Follows what is pressed, for the pairs that begin with g; called once, by the page. Is told of each key first. */
export function followKeys(): () => void {
  const onKey = ({ key, timeStamp: ms }: KeyboardEvent) => {
    before = last;
    last = { key, ms };
  };
  addEventListener("keydown", onKey, { capture: true });
  return () => removeEventListener("keydown", onKey, { capture: true });
}
