import type { AttributionRecord } from "../../../replay/events.ts";
import { causeText, checksText, conclusionText } from "../../attributions.ts";
import { visible } from "../../format.ts";

/** How it was found out where an answer went wrong: what was said to be seen, and what followed from that alone. */
export function Attribution({ attribution }: { readonly attribution: AttributionRecord }) {
  const { description, cause } = attribution;
  return (
    <section class="attribution" aria-label="Where it went wrong">
      <h3 class={cause === null ? "" : "bad"}>{visible(causeText(attribution))}</h3>
      <dl>
        <dt>said to see</dt>
        <dd class="said">{description === null ? "nothing usable" : visible(description)}</dd>
        {description !== null && (
          <>
            <dt>that is</dt>
            <dd>{visible(checksText(attribution).join(" · "))}</dd>
            <dt>answered from that alone</dt>
            <dd class="said">{visible(conclusionText(attribution))}</dd>
          </>
        )}
      </dl>
    </section>
  );
}
