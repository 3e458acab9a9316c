import { NEVER, Observable, of, throwError } from "rxjs";
import { expect, test, vi } from "vitest";
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

test("the first signal aborts with a cancelled error, the second ends the process", async () => {
  const exit = vi.spyOn(process, "exit").mockImplementation((() => {}) as never);
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  {
    using interrupt = interruptible();
    const driven = drive(NEVER.pipe(untilAborted(interrupt.signal)), () => {});
    process.emit("SIGTERM");
    await expect(driven).rejects.toMatchObject({ code: "cancelled" });
    expect(exit).not.toHaveBeenCalled();
    process.emit("SIGINT");
    expect(exit).toHaveBeenCalledWith(exitCodes.cancelled);
    await expect(drive(of(1).pipe(untilAborted(interrupt.signal)), () => {})).rejects.toMatchObject({
      code: "cancelled",
    });
  }
  expect(process.listenerCount("SIGTERM")).toBe(0);
  expect(stderr).toHaveBeenCalledOnce();
});
