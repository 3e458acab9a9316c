import { CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { exitCodeOf, messageOf } from "../../cli/report.ts";
import { type ErrorCode, exitCodes, VisplayError } from "../../common/errors.ts";

const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
  code: "ENOSPC",
  path: "runs/a",
});

describe("exit codes", () => {
  test("differ by cause, and none is that of a programming error", () => {
    const codes = Object.keys(exitCodes).map((code) => exitCodeOf(new VisplayError(code as ErrorCode, "x")));
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes).not.toContain(0);
    expect(codes).not.toContain(exitCodeOf(new TypeError("bug")));
    expect(exitCodeOf(new TypeError("bug"))).toBe(1);
    expect(exitCodeOf("a thrown string")).toBe(1);
    expect(exitCodeOf(undefined)).toBe(1);
  });

  test("a full disk is one, however it surfaces; help is none", () => {
    expect(exitCodeOf(full)).toBe(exitCodes.disk);
    expect(exitCodeOf(new CommanderError(0, "commander.helpDisplayed", ""))).toBe(0);
    expect(exitCodeOf(new CommanderError(1, "commander.unknownOption", ""))).toBe(exitCodes.usage);
  });
});

describe("messages", () => {
  const error = new VisplayError("model", "models/x: config.json is missing", { cause: new Error("ENOENT") });

  test("an error that a user can repair is one message without a stack", () => {
    expect(messageOf(error, false)).toBe("visplay: models/x: config.json is missing");
    expect(messageOf(full, false)).toBe("visplay: could not write runs/a: the disk is full; make room");
  });

  test("a stop that was wanted is none, but has its code", () => {
    const stopped = new VisplayError("cancelled", "interrupted");
    expect([messageOf(stopped, false), exitCodeOf(stopped)]).toEqual(["", 130]);
  });

  test("with debug, and for programming errors, the stack of every cause is shown", () => {
    expect(messageOf(error, true)).toMatch(/report\.test\.ts.*caused by Error: ENOENT/s);
    expect(messageOf(new TypeError("bug"), false)).toMatch(/TypeError: bug\n.*at .*report\.test\.ts/s);
  });
});
