import type { CheckRecord } from "../../../replay/events.ts";
import type { Sum } from "../../arithmetic.ts";
import { brief, decimal, figureName, visible } from "../../format.ts";

/** How a reward came about: its terms as they were put together, and what it came to. */
export function RewardSum({ sum, reward }: { readonly sum: Sum; readonly reward: number | null }) {
  return (
    <div>
      <div class="sums">
        {sum.terms.map(({ part, sign, value }, i) => (
          <span key={i} style={{ display: "inline-flex", gap: "6px", alignItems: "baseline" }}>
            {sign !== "" && <span>{sign}</span>}
            {value !== null && (
              <span class="term">
                <small>{part === null ? "" : figureName(part)}</small>
                <span>{brief(value)}</span>
              </span>
            )}
          </span>
        ))}
        <span>=</span>
        <strong class="term">
          <small>reward</small>
          <span>{decimal(reward, 3)}</span>
        </strong>
      </div>
      {reward === null ? (
        <p class="quiet">Nobody could judge it: no reward, and nothing is learnt from it.</p>
      ) : sum.total === null ? (
        <p class="quiet">How its parts make this reward is not known here.</p>
      ) : (
        !sum.addsUp && (
          <p class="problem">
            The parts come to {decimal(sum.total, 4)}, not to the {decimal(reward, 4)} that was recorded.
          </p>
        )
      )}
    </div>
  );
}

/** The gate's checks with what they were decided on. */
export function Checks({ checks }: { readonly checks: Readonly<Record<string, CheckRecord>> }) {
  const entries = Object.entries(checks);
  if (entries.length === 0) return null;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>gate</th>
            <th class="n">value</th>
            <th class="n">threshold</th>
            <th>outcome</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(([name, { passed, value, threshold }]) => (
            <tr key={name}>
              <td>{visible(name)}</td>
              <td class="n">{brief(value)}</td>
              <td class="n">{brief(threshold)}</td>
              <td class={passed ? "" : "bad"}>{passed ? "passed" : "failed"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
