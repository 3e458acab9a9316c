import { useRef, useState } from "preact/hooks";
import type { Overview } from "../../answers.ts";
import { filterNames, rangeOf, rangeText } from "../../filters.ts";
import { figureName } from "../../format.ts";
import { changed, go } from "../address.ts";
import { useKeys } from "../keys.ts";
import { SearchField, TypedField } from "./typed_field.tsx";

interface FilterBarProps {
  readonly run: string;
  readonly params: URLSearchParams;
  /** Undefined while it is on its way. */
  readonly overview: Overview | undefined;
  readonly children?: preact.ComponentChildren;
}

/** What in an address is no filter of episodes. */
const viewNames = ["columns", "at", "rollout"];

const shared = [
  "round",
  "step",
  "reward",
  "confidence",
  "advantage",
  "length",
  "truncated",
  "questionerVersion",
  "reasonerVersion",
];

/** The part of an address that a list of episodes is asked for by. */
export function filtersOf(params: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...params].filter(([name]) => !viewNames.includes(name)));
}

/** Filters of episodes; all of them stand in the address. */
export function FilterBar({ run, params, overview, children }: FilterBarProps) {
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  // What is searched for waits a moment; other filters may change meanwhile.
  const latest = useRef(params);
  latest.current = params;
  const set = (changes: Readonly<Record<string, string>>, how: "push" | "replace" = "push") =>
    go({ run, screen: "episodes", params: changed(latest.current, { at: "", ...changes }) }, how);
  const named = (name: "stage" | "phase" | "role") => [
    ...new Set(overview?.counts.map((count) => count[name])),
  ];
  const ranges = [...params].filter(([name]) => !filterNames.includes(name) && !viewNames.includes(name));
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <SearchField
        field={search}
        value={params.get("text") ?? ""}
        onChange={(text) => set({ text }, "replace")}
      />
      {(["stage", "phase", "role"] as const).map((name) => {
        const names = named(name);
        if (names.length < 2 && !params.has(name)) return null;
        return (
          <Select
            key={name}
            name={name}
            value={params.get(name) ?? ""}
            options={[["", `all ${name}s`], ...names.map((each): [string, string] => [each, each])]}
            onChange={(value) => set({ [name]: value })}
          />
        );
      })}
      <Select
        name="Ended"
        value={params.get("ended") ?? ""}
        options={[
          ["", "any end"],
          ["stop", "ended by themselves"],
          ["length", "some cut off"],
        ]}
        onChange={(ended) => set({ ended })}
      />
      <Select
        name="Superseded"
        value={params.get("superseded") ?? ""}
        options={[
          ["", "as it counts"],
          ["include", "superseded, too"],
          ["only", "superseded only"],
        ]}
        onChange={(superseded) => set({ superseded })}
      />
      {params.has("image") && (
        <span class="chip">
          one image
          <button type="button" aria-label="Any image" onClick={() => set({ image: "" })}>
            ×
          </button>
        </span>
      )}
      {ranges.map(([name, range]) => (
        <RangeChip key={name} name={name} range={range} onChange={(text) => set({ [name]: text })} />
      ))}
      <RangeMenu
        overview={overview}
        taken={ranges.map(([name]) => name)}
        onAdd={(name) => set({ [name]: name.startsWith("cause:") ? "1.." : ".." })}
      />
      {children}
    </form>
  );
}

interface SelectProps {
  readonly name: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}

export function Select({ name, value, options, onChange }: SelectProps) {
  return (
    <select aria-label={name} value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
      {options.map(([own, text]) => (
        <option key={own} value={own}>
          {text}
        </option>
      ))}
    </select>
  );
}

interface RangeChipProps {
  readonly name: string;
  readonly range: string;
  readonly onChange: (range: string) => void;
}

function RangeChip({ name, range, onChange }: RangeChipProps) {
  const { min, max } = rangeOf(range);
  const title = figureName(name);
  const edit = (bound: "min" | "max") => (value: string) => {
    const known = { min, max, [bound]: value === "" ? undefined : Number(value) };
    onChange(rangeText(known));
  };
  return (
    <span class="chip range">
      {title}
      <TypedField
        type="number"
        label={`${title}, at least`}
        placeholder="least"
        value={`${min ?? ""}`}
        onCommit={edit("min")}
      />
      <TypedField
        type="number"
        label={`${title}, at most`}
        placeholder="most"
        value={`${max ?? ""}`}
        onCommit={edit("max")}
      />
      <button type="button" aria-label={`Any ${title}`} onClick={() => onChange("")}>
        ×
      </button>
    </span>
  );
}

interface RangeMenuProps {
  readonly overview: Overview | undefined;
  readonly taken: readonly string[];
  readonly onAdd: (name: string) => void;
}

function RangeMenu({ overview, taken, onAdd }: RangeMenuProps) {
  const [choice, setChoice] = useState("");
  const names = [...new Set([...shared, ...(overview?.figures ?? []).map(({ name }) => name)])].filter(
    (name) => !taken.includes(name),
  );
  return (
    <Select
      name="Add a range"
      value={choice}
      options={[["", "+ range"], ...names.map((name): [string, string] => [name, figureName(name)])]}
      onChange={(name) => {
        setChoice("");
        if (name) onAdd(name);
      }}
    />
  );
}
