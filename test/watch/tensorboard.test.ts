import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EvaluationReport, EventBody, RunEvent } from "../../replay/events.ts";
import { crc32c, fileHeader, record, scalarsRecord } from "../../watch/event_file.ts";
import { type Figures, figuresOf } from "../../watch/figures.ts";
import { TensorBoard } from "../../watch/tensorboard.ts";
import { configOf } from "../fakes/config.ts";
import {
  at,
  attributed,
  coEvolution,
  evaluationReport,
  phaseStarted,
  questionerAudited,
  questionerStep,
  reasonerStep,
} from "../fakes/run_events.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => new TextEncoder().encode(text);
const config = configOf();

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
  const of = (body: EventBody) => figuresOf(at(1, body), config);

  test("are named by phase, and count steps through the whole run", () => {
    const figures = of(reasonerStep({ round: 3, step: 7, steps: 50 }));
    expect(figures?.step).toBe(2 * config.reasoner.stepsPerRound + 7);
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

  test("say what was asked, and what passed the gate wrongly, by step and by round", () => {
    const audit = { passed: 20, meaningless: 1, wrong: 4, auditedReward: 0.4 };
    const values = of(questionerStep({ audit }))?.values;
    expect(values).toMatchObject({
      "questioner/audit/falseAccepts": 0.25,
      "questioner/audit/auditedReward": 0.4,
    });
    expect(values?.["questioner/audit/unearnedReward"]).toBeCloseTo(0.013, 12);
    const nonePassed = of(
      questionerStep({ audit: { passed: 0, meaningless: 0, wrong: 0, auditedReward: 0 } }),
    );
    expect(nonePassed?.values).not.toHaveProperty("questioner/audit/falseAccepts");
    expect(of(questionerAudited(2, 5))).toEqual({
      step: 2,
      values: { "rounds/falseAccepts": 0.05, "rounds/unearned": 0.25 },
    });
    expect(of(coEvolution(2, 88))?.values).toMatchObject({
      "rounds/baseAccuracy": 0.88,
      "rounds/baseConfidence": 0.915,
    });
    const kinds = { sum: { asked: 3, admitted: 1 }, exist: { asked: 9, admitted: 9 } };
    const built: EventBody = {
      ...{ type: "curriculumBuilt", round: 2, phase: "curriculum", images: 9, questions: 20, admitted: 10 },
      ...{ rejected: {}, confidences: [] },
      audit: { meaningful: 0.6, silverCorrect: 1, silverCorrectByConfidence: [], kinds },
    };
    expect(of(built)?.values).toMatchObject({
      "rounds/meaningful": 0.6,
      "kinds/sum": 0.25,
      "kinds/exist": 0.75,
    });
  });

  test("of a phase of any name stand under it", () => {
    const figures = of(reasonerStep({ phase: "exam", role: "pupil", round: 3, step: 7, steps: 50 }));
    expect(figures?.step).toBe(2 * 50 + 7);
    expect(figures?.values).toMatchObject({ "exam/reward": 0.413, "exam/health/commonestAnswer": 0.3 });
  });

  test("say how trajectories went, where there are some", () => {
    const acted = { meanTurns: 2.5, unfinished: 0.125, meanCalls: 0, faults: { late: 1, threw: 2 } };
    const trajectories = { ...acted, failedCalls: null, failures: { call: 4, use: 1 } };
    expect(of(reasonerStep({ trajectories }))?.values).toMatchObject({
      "reasoner/trajectories/meanTurns": 2.5,
      "reasoner/trajectories/unfinished": 0.125,
      "reasoner/trajectories/faults": 3,
      "reasoner/trajectories/failures/call": 4,
      "reasoner/trajectories/failures/use": 1,
    });
    const calling = { ...acted, meanCalls: 1.5, failedCalls: 0.25, failures: null };
    expect(of(reasonerStep({ trajectories: calling }))?.values).toMatchObject({
      "reasoner/trajectories/meanCalls": 1.5,
      "reasoner/trajectories/failedCalls": 0.25,
    });
    expect(Object.keys(of(reasonerStep({ trajectories }))?.values ?? {}).join()).not.toContain("Calls");
    expect(Object.keys(of(reasonerStep())?.values ?? {}).join()).not.toContain("trajectories");
  });

  test("say where answers went wrong: shares by step, percent by round", () => {
    const attribution = attributed({ usable: 0.75, grounding: 0.25 });
    expect(of(reasonerStep({ attribution }))?.values).toMatchObject({
      "reasoner/attribution/usable": 0.75,
      "reasoner/attribution/grounding": 0.25,
      "reasoner/attribution/fusion": 0,
    });
    const unknown = of(reasonerStep({ attribution: attributed({ usable: 0, known: false }) }))?.values ?? {};
    expect(Object.keys(unknown).filter((tag) => tag.includes("attribution"))).toEqual([
      "reasoner/attribution/usable",
      "reasoner/attribution/judged",
    ]);
    const evaluated = (found: EvaluationReport["attribution"]): EventBody => ({
      ...{ type: "evaluated", round: 2, phase: "evaluation" },
      report: evaluationReport({ attribution: found }),
    });
    const figures = of(evaluated({ overall: attribution, families: {} }));
    expect(figures?.step).toBe(2);
    expect(figures?.values).toMatchObject({
      "evaluation/attribution/usable": 75,
      "evaluation/attribution/grounding": 25,
    });
    expect(of(evaluated(null))?.values).toEqual({});
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
  let warnings: string[];
  beforeEach(async () => {
    warnings = [];
    folder = await mkdtemp(join(tmpdir(), "tensorboard-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const start = (history: readonly RunEvent[] = [], where = folder) =>
    TensorBoard.start({ folder: where, config, history: () => history, warn: (line) => warnings.push(line) });

  // 7: a session log of 2 bytes, 1: status START; no step, which is 0.
  const started = "3a020801";
  const files = () => readdir(join(folder, "tensorboard"));

  async function recordsOf(name: string | undefined): Promise<Buffer[]> {
    const bytes = await readFile(join(folder, "tensorboard", name as string));
    const found: Buffer[] = [];
    for (let from = 0; from < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(from));
      found.push(bytes.subarray(from + 12, from + 12 + length));
      from += 16 + length;
    }
    return found;
  }

  test("holds one file with a record for each event that has figures, in order", async () => {
    const charts = await start();
    const events = [phaseStarted(1, "questioner"), questionerStep(), questionerStep({ step: 1 })];
    for (const event of events) charts.apply(at(1, event));
    await charts[Symbol.asyncDispose]();
    const [name, ...none] = await files();
    expect(none).toEqual([]);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const [header, session, first, ...others] = await recordsOf(name);
    expect(header?.includes("brain.Event:2")).toBe(true);
    expect(hex((session as Buffer).subarray(9))).toBe(started);
    expect(first?.includes("questioner/reward")).toBe(true);
    expect(others).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  test("shows each step once after a resume: readers forget what they saw before", async () => {
    const steps = [0, 1, 2, 3].map((step) => at(step, questionerStep({ step })));
    const older = [1, 2].map((n) => `events.out.tfevents.${n}000000000.elsewhere.7`);
    await mkdir(join(folder, "tensorboard"));
    for (const name of older) await writeFile(join(folder, "tensorboard", name), "cut off");
    const charts = await start([at(0, phaseStarted(1, "questioner")), ...steps.slice(0, 2)]);
    for (const event of steps.slice(2)) charts.apply(event);
    await charts[Symbol.asyncDispose]();
    // The last one, from the future, is still before this one.
    const [last, name, ...none] = (await files()).sort();
    expect([last, none]).toEqual([older[1], []]);
    const [, session, ...written] = await recordsOf(name);
    expect(hex((session as Buffer).subarray(9))).toBe(started);
    const wanted = steps.map((event) =>
      scalarsRecord({ ...(figuresOf(event, config) as Figures), atMs: event.atMs }),
    );
    expect(written.map(hex)).toEqual(wanted.map((bytes) => hex(bytes.subarray(12, -4))));
  });

  test("that cannot be made is an error before the run", async () => {
    await expect(start([], join(folder, "\0"))).rejects.toMatchObject({ code: "disk" });
  });
});
