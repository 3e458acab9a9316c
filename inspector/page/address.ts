import { useEffect, useMemo, useState } from "preact/hooks";

/** The whole state of a view, as its address says it: `#/RUN/SCREEN/ID?name=value`. A link reproduces the view. */
export interface Address {
  /** Key of the run; empty for the list of runs. */
  readonly run: string;
  readonly screen: Screen;
  /** What the screen is about, such as the number of an episode. */
  readonly id: string;
  readonly params: URLSearchParams;
}

export const screens = ["run", "questions", "episodes", "curriculum", "compare"] as const;
export type Screen = (typeof screens)[number];

export function parseAddress(hash: string): Address {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const [run = "", screen = "", id = ""] = path.split("/").map(decodeURIComponent);
  const known = screens.find((name) => name === screen);
  return { run, screen: known ?? "run", id, params: new URLSearchParams(query) };
}

export function href({ run, screen, id = "", params }: AddressParts): string {
  const parts = run === "" ? [] : [run, screen, id].filter((part) => part !== "");
  const path = parts.map(encodeURIComponent);
  const query = String(params instanceof URLSearchParams ? params : new URLSearchParams(params ?? {}));
  return `#/${path.join("/")}${query === "" ? "" : `?${query}`}`;
}

export interface AddressParts {
  readonly run: string;
  readonly screen: Screen;
  readonly id?: string;
  readonly params?: URLSearchParams | Readonly<Record<string, string>>;
}

/** Goes to an address; `replace` leaves no step back, for what a slider does on its way. */
export function go(to: AddressParts, how: "push" | "replace" = "push"): void {
  const target = href(to);
  if (target === location.hash) return;
  if (how === "push") history.pushState(null, "", target);
  else history.replaceState(null, "", target);
  // At once, so that the next key already finds the page there.
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Where the browser is by now, without the params: a page that is left still lives for a moment, and hears of it late. */
export const place = (): string => location.hash.split("?", 1)[0] ?? "";

/** The params with some changed; an empty value takes one away. */
export function changed(params: URLSearchParams, changes: Readonly<Record<string, string>>): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") next.delete(name);
    else next.set(name, value);
  }
  return next;
}

export function useAddress(): Address {
  const [hash, setHash] = useState(() => location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    onChange(); // it may have changed before anybody listened
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return useMemo(() => parseAddress(hash), [hash]);
}
