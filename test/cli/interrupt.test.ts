import { NEVER, Observable, of, throwError } from "rxjs";
import { afterAll, afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { untilAborted } from "../../arena/from_abortable.ts";
import { drive, interruptible } from "../../cli/interrupt.ts";
import { exitCodes } from "../../common/errors.ts";

test("every value is handed on until the source ends or fails", async () => {
  const seen: number[] = [];
  await drive(of(1, 2, 3), (value) => void seen.push(value));
  expect(seen).toEqual([1, 2, 3]);
  await expect(
    drive(
      throwError(() => new Error("disk")),
      () => {},
    ),
  ).rejects.toThrow("disk");
});

test("what `next` throws ends the source and is thrown", async () => {
  const closed = vi.fn();
  const source = new Observable<number>((subscriber) => {
    subscriber.add(closed);
    subscriber.next(1);
  });
  const driven = drive(source, () => {
    throw new Error("cannot print");
  });
  await expect(driven).rejects.toThrow("cannot print");
  expect(closed).toHaveBeenCalledOnce();
});

describe("signals", () => {
  let exit: MockInstance;
  const stderr = vi.spyOn(process.stderr, "write");
  beforeEach(() => {
    exit = vi.spyOn(process, "exit").mockImplementation((() => {}) as never);
    stderr.mockReset().mockReturnValue(true);
    vi.useFakeTimers({ toFake: ["performance", "Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
    exit.mockRestore();
  });
  afterAll(() => stderr.mockRestore());

  test("the first aborts with a cancelled error, another one ends the process", async () => {
    {
      using interrupt = interruptible();
      const driven = drive(NEVER.pipe(untilAborted(interrupt.signal)), () => {});
      process.emit("SIGTERM");
      await expect(driven).rejects.toMatchObject({ code: "cancelled" });
      // As npm hands on what the terminal has sent already.
      process.emit("SIGTERM");
      expect(exit).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1000);
      process.emit("SIGINT");
      expect(exit).toHaveBeenCalledWith(exitCodes.cancelled);
      await expect(drive(of(1).pipe(untilAborted(interrupt.signal)), () => {})).rejects.toMatchObject({
        code: "cancelled",
      });
    }
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) expect(process.listenerCount(name)).toBe(0);
    expect(stderr).toHaveBeenCalledOnce();
  });

  test("a terminal that closes is a stop, however often it says so", () => {
    using interrupt = interruptible();
    process.emit("SIGHUP");
    expect(interrupt.signal.aborted).toBe(true);
    vi.advanceTimersByTime(1000);
    process.emit("SIGHUP");
    expect(exit).not.toHaveBeenCalled();
  });

  test("under nohup it is nothing", () => {
    vi.stubEnv("_", "/usr/bin/nohup");
    using interrupt = interruptible();
    process.emit("SIGHUP");
    expect(interrupt.signal.aborted).toBe(false);
    expect(stderr).not.toHaveBeenCalled();
  });
});
