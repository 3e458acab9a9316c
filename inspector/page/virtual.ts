import { elementScroll, observeElementRect, type VirtualItem, Virtualizer } from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useReducer, useState } from "preact/hooks";

/** Browsers lay out no more than some 33 million pixels; longer lists are scrolled by a longer stride. */
const LONGEST = 12_000_000;

export interface VirtualRows {
  readonly items: readonly VirtualItem[];
  /** Height of what is scrolled, pixels. */
  readonly height: number;
  /** Where a row stands in it. */
  top(item: VirtualItem): number;
  /** Brings a row into view. */
  reveal(index: number): void;
}

/** The rows of a list of any length that are in view, and some around them; all rows have the same height. */
export function useVirtualRows(
  element: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): VirtualRows {
  const [, rerender] = useReducer((n: number) => n + 1, 0);
  const total = count * rowHeight;
  const view = element.current?.clientHeight ?? 0;
  const scale = total > LONGEST ? (total - view) / (LONGEST - view) : 1;
  const options = {
    count,
    getScrollElement: () => element.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset: (_: unknown, callback: (offset: number, isScrolling: boolean) => void) => {
      const { current } = element;
      if (!current) return undefined;
      const onScroll = () => callback(current.scrollTop * scaleOf(current), false);
      onScroll();
      current.addEventListener("scroll", onScroll, { passive: true });
      return () => current.removeEventListener("scroll", onScroll);
    },
    onChange: () => rerender(0),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options));
  virtualizer.setOptions(options);
  useEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  useLayoutEffect(() => virtualizer.measure(), [count, rowHeight]);
  scales.set(element.current, scale);
  return {
    items: virtualizer.getVirtualItems(),
    height: Math.min(total, LONGEST),
    top: (item) => {
      const scrolled = element.current?.scrollTop ?? 0;
      return scale === 1 ? item.start : item.start - scrolled * scale + scrolled;
    },
    reveal: (index) => {
      const { current } = element;
      if (!current) return;
      const start = index * rowHeight;
      const offset = current.scrollTop * scale;
      // What stands above the rows stays in view, and takes its height from them.
      const shown = current.clientHeight - (current.scrollHeight - Math.min(total, LONGEST));
      if (start < offset) current.scrollTop = start / scale;
      else if (start + rowHeight > offset + shown) current.scrollTop = (start + rowHeight - shown) / scale;
    },
  };
}

const scales = new Map<HTMLElement | null, number>();

function scaleOf(element: HTMLElement): number {
  return scales.get(element) ?? 1;
}
