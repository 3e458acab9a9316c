import { VisplayError } from "../common/errors.ts";
import { loadFunction } from "../common/user_module.ts";
import type { RgbImage } from "../images/image.ts";
import type { Parts } from "../rewards/parts.ts";
import type { Labelled } from "./verify.ts";

/** What a user's own reward is told of one answer to a labelled task. */
export interface RewardEpisode extends Labelled {
  /** As the model was shown it. */
  readonly image: RgbImage;
  /** The whole completion. */
  readonly text: string;
  /** What stands in it before the answer; "" where nothing does. */
  readonly chain: string;
  /** Its answer as it was written; null where it has none. */
  readonly answer: string | null;
  /** Its length. */
  readonly tokens: number;
  /** Whether it was cut off. */
  readonly truncated: boolean;
  /** `correctness`, `reasoning`, `format` and `length`, before weighting. */
  readonly parts: Parts;
}

/** Parts by name, before weighting; null where nobody can judge. */
export type UserReward = (episode: RewardEpisode) => Promise<Parts | null>;

/** The setting that names the module. */
const setting = "reward.module";

/**
 * A user's own reward, from a module that exports `(episode) => parts`, which may be a promise. Each call throws a
 * `VisplayError` of code "config" where the function throws, or gives anything but finite numbers by name.
 */
export async function openUserReward(path: string): Promise<UserReward> {
  const run = await loadFunction(path, setting);
  return async (episode) => {
    let given: unknown;
    try {
      given = await run(episode);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new VisplayError("config", `${setting}: for ${subject(episode)}, ${path} threw: ${message}`, {
        cause,
      });
    }
    const fault = given === null ? null : faultOf(given);
    if (fault === null) return given as Parts | null;
    throw new VisplayError("config", `${setting}: for ${subject(episode)}, ${path} gave ${fault}`);
  };
}

/** What is wrong with parts, and what was expected; null where nothing is. */
function faultOf(given: unknown): string | null {
  const form = "expected numbers by name, such as {correct: 1, short: 0.5}, or null where nobody can judge";
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return `${Array.isArray(given) ? "a list" : shown(given)}, ${form}`;
  const parts = Object.entries(given);
  if (parts.length === 0) return `no parts, ${form}`;
  const bad = parts.find(([, value]) => !Number.isFinite(value));
  return bad ? `${shown(bad[1])} as its part "${bad[0]}", expected a finite number` : null;
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : `${value}`;
}

function subject({ question, answer }: RewardEpisode): string {
  return `the question ${JSON.stringify(question)} and the answer ${JSON.stringify(answer)}`;
}
