import type { DescribedVotesRecord } from "../../../replay/events.ts";
import { plural, visible } from "../../format.ts";

/** The second way to a label: what was said to be seen, and what was answered from that without the picture. */
export function Described({ described }: { readonly described: DescribedVotesRecord }) {
  const { description, descriptions, solution, verdict } = described;
  const others = descriptions.filter((each) => !description?.includes(each));
  return (
    <section class="attribution" aria-label="Answered from a description">
      <h3>
        From a description alone:{" "}
        {verdict.silver === null ? "no answer" : <strong>{visible(verdict.silver)}</strong>}
      </h3>
      <dl>
        {description !== undefined && (
          <>
            <dt>said to see</dt>
            <dd class="said">{visible(description)}</dd>
          </>
        )}
        {solution != null && (
          <>
            <dt>answered, and imitated</dt>
            <dd class="said">{visible(solution)}</dd>
          </>
        )}
        {others.length > 0 && (
          <>
            <dt>also said</dt>
            <dd>
              <details>
                <summary class="quiet">{plural(others.length, "description")}</summary>
                {others.map((each, i) => (
                  <p key={i} class="said" style={{ margin: "4px 0" }}>
                    {visible(each)}
                  </p>
                ))}
              </details>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}
