import { type Observable, of, throwError } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { pipeline } from "../../arena/pipeline.ts";

let scheduler: TestScheduler;
beforeEach(() => {
  scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
});

describe("pipeline", () => {
  it("produces the next while the present is consumed, and emits in order", () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const produced = [cold("--(a|)"), cold("--(b|)"), cold("--(c|)")];
      const consumed = [cold("---(A|)"), cold("---(B|)"), cold("---(C|)")];
      const result = pipeline<string, string>(
        3,
        (k) => produced[k] as (typeof produced)[number],
        (_, k) => consumed[k] as (typeof consumed)[number],
      );
      expectObservable(result).toBe("-----A--B--(C|)");
      expectSubscriptions(produced[0]?.subscriptions ?? []).toBe("^-!");
      expectSubscriptions(produced[1]?.subscriptions ?? []).toBe("--^-!");
      expectSubscriptions(produced[2]?.subscriptions ?? []).toBe("-----^-!");
      expectSubscriptions(consumed[2]?.subscriptions ?? []).toBe("--------^--!");
    });
  });

  it("does not produce beyond the next one, however slow the consumer is", () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const produced = Array.from({ length: 4 }, () => cold("-(p|)"));
      const result = pipeline(
        4,
        (k) => produced[k] as (typeof produced)[number],
        () => cold("-------|"),
      );
      expectObservable(result).toBe("-----------------------------|");
      expectSubscriptions(produced[1]?.subscriptions ?? []).toBe("-^!");
      expectSubscriptions(produced[2]?.subscriptions ?? []).toBe("--------^!");
      expectSubscriptions(produced[3]?.subscriptions ?? []).toBe("---------------^!");
    });
  });

  it("waits for a slow producer", () => {
    scheduler.run(({ cold, expectObservable }) => {
      const result = pipeline(
        2,
        () => cold("-----(p|)"),
        (_, k) => cold("-(x|)", { x: k }),
      );
      expectObservable(result).toBe("------x----(y|)", { x: 0, y: 1 });
    });
  });

  it("lets the present finish before it reports that the next could not be produced", () => {
    scheduler.run(({ cold, expectObservable }) => {
      const result = pipeline(
        3,
        (k): Observable<unknown> => (k === 1 ? throwError(() => "late") : cold("-(p|)")),
        () => cold("---(x|)"),
      );
      expectObservable(result).toBe("----(x#)", undefined, "late");
    });
  });

  it("stops both stages when the consumer fails", () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const [first, second] = [cold("-(p|)"), cold("-------(q|)")];
      const result = pipeline(
        2,
        (k) => (k === 0 ? first : second),
        () => cold("---#"),
      );
      expectObservable(result).toBe("----#");
      expectSubscriptions(second.subscriptions).toBe("-^--!");
    });
  });

  it("stops both stages when nobody listens any more", () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const [first, second, consumed] = [cold("-(p|)"), cold("-----(q|)"), cold("-------(x|)")];
      const result = pipeline(
        2,
        (k) => (k === 0 ? first : second),
        () => consumed,
      );
      expectObservable(result, "^--!").toBe("---");
      expectSubscriptions(second.subscriptions).toBe("-^-!");
      expectSubscriptions(consumed.subscriptions).toBe("-^-!");
    });
  });

  it("completes at once where there is nothing to do", () => {
    scheduler.run(({ expectObservable }) => {
      expectObservable(
        pipeline(
          0,
          () => of(0),
          () => of(1),
        ),
      ).toBe("|");
    });
  });
});
