import { VisplayError } from "../common/errors.ts";
import { type EventBody, REPLAY_VERSION, type Stamp } from "./events.ts";
import { secondOf } from "./version_1.ts";
import { thirdOf } from "./version_2.ts";
import { fourthOf } from "./version_3.ts";
import { fifthOf } from "./version_4.ts";
import { sixthOf } from "./version_5.ts";

/** Turns a body into what the next version would have written, for each version from the first on. */
export const changes: readonly ((type: string, body: object) => object)[] = [
  secondOf,
  thirdOf,
  fourthOf,
  fifthOf,
  sixthOf,
];

/** What is stored of an event beside its type and its time. The first version did not say which it was. */
export type StoredBody = object & { readonly version?: unknown };

/**
 * A stored body as this program would have written it; what was not recorded is null. Throws "run" for one of a newer
 * version, "damaged" for one of none.
 */
export function modernize(
  type: string,
  { version = 1, ...body }: StoredBody,
): Omit<Stamp, "atMs"> & EventBody {
  if (!Number.isInteger(version) || (version as number) < 1) {
    throw new VisplayError("damaged", `found version ${JSON.stringify(version)} of an event`);
  }
  if ((version as number) > REPLAY_VERSION) {
    const found = `found version ${version} of an event, expected at most ${REPLAY_VERSION}`;
    throw new VisplayError("run", `${found}; read it with the release that wrote it`);
  }
  const present = changes
    .slice((version as number) - 1)
    .reduce<object>((older, next) => next(type, older), body);
  return { version: REPLAY_VERSION, type, ...present } as Omit<Stamp, "atMs"> & EventBody;
}
