import { type Claim, claimsIn, isTrue } from "./claims.ts";
import { formatKind, isOfKind, type SceneQuestion } from "./questions.ts";
import type { Layout } from "./scene.ts";

/**
 * How right what a text says of a scene is, for a question about it, 0 to 1: the harmonic mean (F1) of the share of what it
 * says that is true, and the share of what the question is about that it says. 0 where it says nothing.
 */
export function understandingOf(
  layout: Layout,
  { kinds }: Pick<SceneQuestion, "kinds">,
  text: string,
): number {
  const claims = claimsIn(text);
  const right = claims.filter((claim) => isTrue(claim, layout));
  const wanted = kinds.flatMap((kind): Claim[] => {
    const things = layout.objects.filter((thing) => isOfKind(thing, kind));
    return things.length === 0 ? [{ kind, cell: null }] : things.map(({ cell }) => ({ kind, cell }));
  });
  const said = wanted.filter(({ kind, cell }) =>
    right.some(
      (claim) => claim.cell === cell && (cell !== null || formatKind(claim.kind) === formatKind(kind)),
    ),
  );
  const truth = right.length / Math.max(1, claims.length);
  const share = said.length / wanted.length;
  return truth + share === 0 ? 0 : (2 * truth * share) / (truth + share);
}
