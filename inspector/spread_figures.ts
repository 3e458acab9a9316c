import type { Overview } from "./answers.ts";

/** Figures whose spread says something: confidence, reward, and its parts that are not all the same. Each once. */
export function spreadFigures({
  counts,
  figures,
}: Pick<Overview, "counts" | "figures">): { readonly phase: string; readonly name: string }[] {
  const shared = counts.flatMap(({ phase, type }) => [
    { phase, name: "confidence" },
    ...(type === "curriculumEpisode" ? [] : [{ phase, name: "reward" }]),
  ]);
  const named = figures.filter(({ min, max, name }) => max > min && name !== "part:confidence");
  const all = [...shared, ...named.map(({ phase, name }) => ({ phase, name }))];
  return [...new Map(all.map((each) => [`${each.phase} ${each.name}`, each])).values()];
}
