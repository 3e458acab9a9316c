import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  ignoreElements,
  merge,
  type Observable,
  ReplaySubject,
  range,
  share,
} from "rxjs";

/**
 * A pipeline of two stages over the indices 0 … count - 1: while `consume(k)` runs, `produce(k + 1)` does.
 *
 *     produce  0  1   2   3
 *     consume     0   1   2   3
 *
 * One product is consumed at a time, in order, so that results never depend on which stage is faster. At most two
 * products exist at once: the next one is begun only when the present one is taken, which makes this the backpressure as
 * well. `produce(k)` emits one value; what it still does after that goes on beside `consume(k)` and `produce(k + 1)`, and
 * is waited for before the next product is consumed. An error of `produce(k + 1)` waits until `consume(k)` has completed.
 */
export function pipeline<A, B>(
  count: number,
  produce: (index: number) => Observable<A> | PromiseLike<A>,
  consume: (product: A, index: number) => Observable<B> | PromiseLike<B>,
): Observable<B> {
  return defer(() => {
    let next = count > 0 ? remember(defer(() => produce(0))) : EMPTY;
    return range(0, count).pipe(
      concatMap((index) => {
        const present = next;
        return present.pipe(
          concatMap((product) => {
            next = index + 1 < count ? remember(defer(() => produce(index + 1))) : EMPTY;
            return merge(consume(product, index), waitFor(next));
          }),
        );
      }),
    );
  });
}

/** Runs its source once, at the first subscription, and repeats its outcome to later ones. */
function remember<T>(source: Observable<T>): Observable<T> {
  return source.pipe(
    share({ connector: () => new ReplaySubject<T>(1), resetOnComplete: false, resetOnError: false }),
  );
}

/** Waits for a source and leaves its outcome, good or bad, to whoever subscribes next. */
function waitFor(source: Observable<unknown>): Observable<never> {
  return source.pipe(
    ignoreElements(),
    catchError(() => EMPTY),
  );
}
