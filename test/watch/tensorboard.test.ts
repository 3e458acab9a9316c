import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RunConfigSchema } from "../../arena/config.ts";
import type { EventBody } from "../../replay/events.ts";
import { crc32c } from "../../watch/crc32c.ts";
import { fileHeader, record, scalarsRecord } from "../../watch/event_file.ts";
import { figuresOf } from "../../watch/figures.ts";
import { TensorBoard } from "../../watch/tensorboard.ts";
import { at, phaseStarted, questionerStep, reasonerStep } from "../fakes/run_events.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => new TextEncoder().encode(text);
const plan = RunConfigSchema.parse({});

test("CRC-32C has the values of RFC 3720, appendix B.4", () => {
  expect(crc32c(bytesOf("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
});

describe("event files", () => {
  test("begin as TensorFlow's do", () => {
    const header = fileHeader(0);
    // 24 bytes and their masked CRC, as every event file begins; then time 0 and the version.
    expect(hex(header.subarray(0, 12))).toBe("1800000000000000a37f4b22");
    expect(hex(header.subarray(12, 21))).toBe("090000000000000000");
    expect(Buffer.from(header.subarray(21, 36)).toString("latin1")).toBe("\x1a\x0dbrain.Event:2");
    expect(header).toHaveLength(40);
  });

  test("mask a CRC: rotated right by 15 bits, plus a constant", () => {
    const view = new DataView(record(bytesOf("123456789")).buffer);
    expect(view.getBigUint64(0, true)).toBe(9n);
    const crc = 0xe3069283n;
    const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
    expect(BigInt(view.getUint32(12 + 9, true))).toBe((rotated + 0xa282ead8n) & 0xffffffffn);
  });

  test("hold a scalar as its message is defined", () => {
    const data = scalarsRecord({ step: 300, atMs: 500, values: { a: 1.5 } }).subarray(12, -4);
    expect(hex(data)).toBe(
      [
        "09000000000000e03f", // 1: wall_time, a double of 0.5 s
        "10ac02", // 2: step, 300
        "2a0a", // 5: summary of 10 bytes
        "0a08", // 1: value of 8 bytes
        "0a0161", // 1: tag "a"
        "150000c03f", // 2: simple_value, a float of 1.5
      ].join(""),
    );
  });
});

describe("the figures of a run", () => {
  const of = (body: EventBody) => figuresOf(at(1, body), plan);

  test("are named by phase, and count steps through the whole run", () => {
    const figures = of(reasonerStep({ round: 3, step: 7, steps: 50 }));
    expect(figures?.step).toBe(2 * plan.reasoner.stepsPerRound + 7);
    expect(figures?.values).toMatchObject({
      "reasoner/reward": 0.413,
      "reasoner/gradientNorm": 2,
      "reasoner/tokensPerSecond": 1200,
      "reasoner/health/commonestAnswer": 0.3,
    });
    expect(of(questionerStep({ round: 1, step: 2 }))?.values).toMatchObject({
      "questioner/confidence": 0.72,
      "questioner/checks/format": 0.9,
    });
  });

  test("leave out what nobody measured", () => {
    const values = of(reasonerStep({ update: null }))?.values ?? {};
    expect(Object.keys(values).filter((tag) => /loss|kl|confidence/.test(tag))).toEqual([]);
    expect(Object.values(values).every(Number.isFinite)).toBe(true);
    expect(of(phaseStarted(1, "reasoner"))).toBeNull();
  });
});

describe("TensorBoard's folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tensorboard-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("holds one file with a record for each event that has figures, in order", async () => {
    const warnings: string[] = [];
    const charts = await TensorBoard.start(folder, plan, (line) => warnings.push(line));
    const events = [phaseStarted(1, "questioner"), questionerStep(), questionerStep({ step: 1 })];
    for (const event of events) charts.apply(at(1, event));
    await charts[Symbol.asyncDispose]();
    const [name, ...others] = await readdir(join(folder, "tensorboard"));
    expect(others).toEqual([]);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const bytes = await readFile(join(folder, "tensorboard", name as string));
    const records: Buffer[] = [];
    for (let from = 0; from < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(from));
      records.push(bytes.subarray(from + 12, from + 12 + length));
      from += 16 + length;
    }
    expect(records).toHaveLength(3);
    expect(records[1]?.includes("questioner/reward")).toBe(true);
    expect(warnings).toEqual([]);
  });

  test("that cannot be made is an error before the run", async () => {
    const start = TensorBoard.start(join(folder, "\0"), plan, () => {});
    await expect(start).rejects.toMatchObject({ code: "disk" });
  });
});
