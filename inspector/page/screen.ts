import type { Overview } from "../answers.ts";
import type { Address } from "./address.ts";
import type { LiveState } from "./port.ts";

/** What every screen of a run is given. */
export interface ScreenProps {
  readonly address: Address;
  readonly overview: Overview;
  /** Rises while the run goes on. */
  readonly live: LiveState;
}

/** What a screen is given that shows its rows before it is known how the run went. */
export interface EarlyScreenProps extends Omit<ScreenProps, "overview"> {
  readonly overview: Overview | undefined;
}
