import { useEffect, useRef } from "preact/hooks";

/** What is asked again and again rests so many times as long as the last answer took, and at least so many ms. */
const RESTS = 25;
const LEAST_MS = 2000;

/** Asks again once there is something new, after a rest: whatever a page asks for, the run that goes on hardly notices. */
export function useRest(isAnswered: boolean, isOld: boolean, ask: () => void): void {
  const times = useRef({ askedMs: performance.now(), answeredMs: 0 });
  useEffect(() => {
    if (isAnswered) times.current.answeredMs = performance.now();
  }, [isAnswered]);
  useEffect(() => {
    if (!isAnswered || !isOld) return;
    const { askedMs, answeredMs } = times.current;
    const restMs = Math.max(LEAST_MS, RESTS * (answeredMs - askedMs));
    const timer = setTimeout(
      () => {
        times.current.askedMs = performance.now();
        ask();
      },
      answeredMs + restMs - performance.now(),
    );
    return () => clearTimeout(timer);
  }, [isAnswered, isOld, ask]);
}
