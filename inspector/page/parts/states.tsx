import type { ComponentChildren } from "preact";
import type { Loading } from "../loading.ts";

/** What went wrong, as it was said. */
export function Problems({ of: { failure } }: { readonly of: Pick<Loading<unknown>, "failure"> }) {
  if (!failure) return null;
  return (
    <div class="problem" role="alert">
      {failure.message}
    </div>
  );
}

/** Something is on its way; said only where it takes long. */
export function Waiting({
  for: { isSlow },
  children,
}: {
  readonly for: Pick<Loading<unknown>, "isSlow">;
  readonly children: ComponentChildren;
}) {
  return isSlow ? (
    <p class="wait" role="status">
      {children}
    </p>
  ) : null;
}

/** There is nothing here: what would be, and why it isn't. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
