import { defer, EMPTY, type Observable } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type { Floors } from "./config/stages.ts";
import type { Run } from "./run.ts";

/** Ends the run with "belowFloor" where the last evaluation of its stage came to less than the stage requires. */
export function requireFloors(run: Run): Observable<never> {
  return defer(() => {
    const { index, name, config } = run.stage;
    const { scores } = run.progress;
    const missed = (Object.entries(config.requires) as [keyof Floors, number][]).filter(
      ([figure, floor]) => !((scores?.[figure] ?? 0) >= floor),
    );
    if (missed.length === 0) return EMPTY;
    const found = missed.map(([figure, floor]) => {
      const reached = scores ? `${scores[figure].toFixed(1)}%` : "no evaluation";
      return `${figure}: found ${reached}, expected at least ${floor}% (stages.${index}.requires.${figure})`;
    });
    const remedy = "train it for longer, or lower what it requires and go on with resume --allow";
    throw new VisplayError(
      "belowFloor",
      `the stage ${name} did not come to what it requires: ${found.join("; ")}; ${remedy}`,
    );
  });
}
