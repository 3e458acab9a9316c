import { Observable } from "rxjs";

/**
 * The result of asynchronous work as a cold observable: each subscription starts the work with an `AbortSignal`
 * of its own, which unsubscribing aborts. Nothing is emitted after that.
 */
export function fromAbortable<T>(work: (signal: AbortSignal) => Promise<T>): Observable<T> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    work(controller.signal).then(
      (value) => {
        subscriber.next(value);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
    return () => controller.abort();
  });
}
