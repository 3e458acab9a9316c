import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** An element that is drawn as wide as it is, pixels; `usual` until that is known. */
export function useWidth<E extends Element>(usual: number): readonly [RefObject<E | null>, number] {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(usual);
  useLayoutEffect(() => {
    if (!element.current) return;
    const measure = () => setWidth(element.current?.clientWidth || usual);
    measure();
    const resized = new ResizeObserver(measure);
    resized.observe(element.current);
    return () => resized.disconnect();
  }, []);
  return [element, width];
}
