import { useState } from "preact/hooks";
import { go } from "../address.ts";

const VIEWS = "visplay-views";

/** Views that were given a name; kept in the browser, for all runs. */
export function ViewMenu({ run, params }: { readonly run: string; readonly params: URLSearchParams }) {
  const [views, setViews] = useState(readViews);
  const [name, setName] = useState("");
  const keep = (next: Readonly<Record<string, string>>) => {
    setViews(next);
    try {
      localStorage.setItem(VIEWS, JSON.stringify(next));
    } catch {}
  };
  return (
    <details class="menu">
      <summary>Views</summary>
      <div>
        {Object.entries(views).map(([own, query]) => (
          <span key={own}>
            <button
              type="button"
              class="plain"
              onClick={() => go({ run, screen: "episodes", params: new URLSearchParams(query) })}
            >
              {own}
            </button>
            <button
              type="button"
              class="plain"
              aria-label={`Forget ${own}`}
              onClick={() => keep(Object.fromEntries(Object.entries(views).filter(([each]) => each !== own)))}
            >
              ×
            </button>
          </span>
        ))}
        {Object.keys(views).length === 0 && <span class="quiet">none kept yet</span>}
        <input
          aria-label="Name of this view"
          placeholder="name of this view"
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
        <button
          type="button"
          disabled={name.trim() === ""}
          onClick={() => {
            keep({ ...views, [name.trim()]: String(params) });
            setName("");
          }}
        >
          Keep
        </button>
      </div>
    </details>
  );
}

function readViews(): Readonly<Record<string, string>> {
  try {
    const stored = JSON.parse(localStorage.getItem(VIEWS) ?? "{}");
    return typeof stored === "object" && stored !== null ? stored : {};
  } catch {
    return {};
  }
}
