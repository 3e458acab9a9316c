import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { place } from "../address.ts";

/** Fields that hold what is being typed: the page goes on beneath, and an address knows only what was typed to its end. */

/** What is typed, until the address has another value than the one that it was typed over. */
function useTyped(value: string): readonly [typed: string, setTyped: (typed: string, over?: string) => void] {
  const [state, setState] = useState({ typed: value, over: value });
  const typed = state.over === value ? state.typed : value;
  return [typed, (text, over = value) => setState({ typed: text, over })];
}

interface TypedFieldProps {
  readonly label: string;
  readonly type?: "number";
  readonly placeholder: string;
  readonly value: string;
  /** Told when the field is left, or Enter is pressed. */
  readonly onCommit: (text: string) => void;
}

export function TypedField({ label, type, placeholder, value, onCommit }: TypedFieldProps) {
  const [typed, setTyped] = useTyped(value);
  return (
    <input
      {...(type && { type, step: "any" })}
      aria-label={label}
      placeholder={placeholder}
      value={typed}
      onInput={({ currentTarget }) => setTyped(currentTarget.value)}
      onChange={({ currentTarget }) => onCommit(currentTarget.value)}
    />
  );
}

/** How long after the last key one searches, ms. */
const TYPING_MS = 200;

interface SearchFieldProps {
  readonly field: RefObject<HTMLInputElement | null>;
  readonly value: string;
  readonly onChange: (text: string) => void;
}

/** What is searched for; told once one pauses. */
export function SearchField({ field, value, onChange }: SearchFieldProps) {
  const [typed, setTyped] = useTyped(value);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      ref={field}
      type="search"
      aria-label="Search questions and answers"
      placeholder='Search: words, "a phrase", begin*'
      value={typed}
      onInput={({ currentTarget: { value: text } }) => {
        setTyped(text);
        clearTimeout(timer.current);
        const typedAt = place();
        timer.current = window.setTimeout(() => {
          if (place() !== typedAt) return;
          setTyped(text, text.trim());
          onChange(text.trim());
        }, TYPING_MS);
      }}
    />
  );
}
