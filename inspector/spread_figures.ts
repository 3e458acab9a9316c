import type { Overview } from "./answers.ts";

/** Figures whose spread says something: confidence, reward, and its parts that are not all the same. */
export function spreadFigures({
  counts,
  figures,
}: Pick<Overview, "counts" | "figures">): { readonly phase: string; readonly name: string }[] {
  const phases = [...new Set(counts.map(({ phase }) => phase as string))];
  const shared = phases.flatMap((phase) => [
    { phase, name: "confidence" },
    ...(phase === "curriculum" ? [] : [{ phase, name: "reward" }]),
  ]);
  const parts = figures.filter(({ min, max, name }) => max > min && name !== "part:confidence");
  return [...shared, ...parts.map(({ phase, name }) => ({ phase: phase as string, name }))];
}
