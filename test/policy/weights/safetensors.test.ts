import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { locateModelWeights } from "../../../policy/weights/model_weights.ts";
import { readSafetensors } from "../../../policy/weights/safetensors.ts";
import { writeSafetensors } from "../../../policy/weights/safetensors_writer.ts";
import { readModelWeights } from "../../model_weights.ts";
import { readReferenceTensors, referencePath } from "../../reference_dir.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file of a header (an object, or raw text) and data. */
async function file(header: unknown, data: Uint8Array = new Uint8Array(0), length?: bigint): Promise<string> {
  const path = join(folder, "case.safetensors");
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(json.length));
  await writeFile(path, Buffer.concat([prefix, json, data]));
  return path;
}

const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

describe("reading", () => {
  test("converts floats and keeps integers", async () => {
    const data = Buffer.concat([
      bytes(Float64Array.of(1 / 3, -0)),
      bytes(BigInt64Array.of(-(2n ** 62n))),
      bytes(Float32Array.of(1.5, -2)),
      bytes(Int32Array.of(-7)),
      bytes(Uint16Array.of(0x3f80, 0xc2f7, 0x7f80)),
      bytes(Uint16Array.of(0x3c00, 0x8001, 0x7bff, 0xfc00)),
      Buffer.of(1, 0, 255),
    ]);
    const path = await file(
      {
        __metadata__: { format: "pt" },
        bytes: { dtype: "U8", shape: [], data_offsets: [data.length - 1, data.length] },
        flags: { dtype: "BOOL", shape: [2], data_offsets: [data.length - 3, data.length - 1] },
        f64: { dtype: "F64", shape: [2], data_offsets: [0, 16] },
        i64: { dtype: "I64", shape: [1], data_offsets: [16, 24] },
        f32: { dtype: "F32", shape: [2, 1], data_offsets: [24, 32] },
        none: { dtype: "F32", shape: [0, 4], data_offsets: [32, 32] },
        i32: { dtype: "I32", shape: [1], data_offsets: [32, 36] },
        bf16: { dtype: "BF16", shape: [3], data_offsets: [36, 42] },
        f16: { dtype: "F16", shape: [4], data_offsets: [42, 50] },
      },
      data,
    );
    const tensors = await readSafetensors(path);
    expect(Object.fromEntries(tensors)).toEqual({
      f64: { dtype: "F64", shape: [2], data: Float32Array.of(1 / 3, -0) },
      i64: { dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 62n)) },
      f32: { dtype: "F32", shape: [2, 1], data: Float32Array.of(1.5, -2) },
      none: { dtype: "F32", shape: [0, 4], data: new Float32Array(0) },
      i32: { dtype: "I32", shape: [1], data: Int32Array.of(-7) },
      bf16: { dtype: "BF16", shape: [3], data: Float32Array.of(1, -123.5, Number.POSITIVE_INFINITY) },
      f16: {
        dtype: "F16",
        shape: [4],
        data: Float32Array.of(1, -(2 ** -24), 65504, Number.NEGATIVE_INFINITY),
      },
      flags: { dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) },
      bytes: { dtype: "U8", shape: [], data: Uint8Array.of(255) },
    });
  });

  test("converts tensors larger than a chunk", async () => {
    const halves = Uint16Array.from({ length: 600_000 }, (_, i) => i % 0x7f80);
    const path = await file(
      { x: { dtype: "BF16", shape: [600_000], data_offsets: [0, 1_200_000] } },
      bytes(halves),
    );
    const data = (await readSafetensors(path)).get("x")?.data as Float32Array;
    const words = new Uint32Array(data.buffer);
    expect(words.every((word, i) => word === (halves[i] as number) * 65536)).toBe(true);
  });

  test("64-bit references match their 32-bit counterparts", async () => {
    const single = await readReferenceTensors("grpo/expected.safetensors");
    const double = await readReferenceTensors("grpo/expected_float64.safetensors");
    expect([...double.keys()].sort()).toEqual([...single.keys()].sort());
    for (const [name, { dtype, data }] of double) {
      expect(dtype).toBe("F64");
      const other = single.get(name)?.data as Float32Array;
      expect(
        Math.max(...(data as Float32Array).map((x, i) => Math.abs(x - (other[i] as number)))),
      ).toBeLessThan(1e-5);
    }
  });
});

describe("hostile files", () => {
  const f32 = (shape: unknown, begin: unknown, end: unknown) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const eight = new Uint8Array(8);
  const cases: Record<string, [Parameters<typeof file>, RegExp]> = {
    "a huge header length": [["{}", eight, 2n ** 63n], /header length 9223372036854775808; expected at most/],
    "a header beyond the file": [["{}", eight, 11n], /header length 11; expected at most 10/],
    "broken JSON": [['{"x": '], /not valid JSON/],
    "a list": [["[]"], /holds \[\]; expected a JSON object/],
    "a tensor that is no object": [[{ x: 3 }], /x is 3; expected an object/],
    "an unknown dtype": [
      [{ x: { dtype: "F8_E4M3", shape: [8], data_offsets: [0, 8] } }, eight],
      /x\.dtype is "F8_E4M3"/,
    ],
    "a missing dtype": [[{ x: { shape: [2], data_offsets: [0, 8] } }, eight], /x\.dtype is missing/],
    "a dtype of Object.prototype": [
      [{ x: { dtype: "constructor", shape: [2], data_offsets: [0, 8] } }, eight],
      /x\.dtype/,
    ],
    "a negative shape": [[{ x: f32([-1, -2], 0, 8) }, eight], /x\.shape is \[-1,-2\]/],
    "a fractional shape": [[{ x: f32([0.5, 4], 0, 8) }, eight], /x\.shape/],
    "an absurd shape": [
      [{ x: f32([2 ** 40, 2 ** 40], 0, 8) }, eight],
      /x\.shape is \[1099511627776,1099511627776\]/,
    ],
    "an overflowing shape": [[{ x: f32([...Array(40).fill(2 ** 52), 0], 0, 0) }], /x\.shape/],
    "wrong byte counts": [[{ x: f32([3], 0, 8) }, eight], /x\.data_offsets is \[0,8\]; expected 12 bytes/],
    "reversed offsets": [[{ x: f32([2], 8, 0) }, eight], /x\.data_offsets/],
    "negative offsets": [[{ x: f32([2], -8, 0) }, eight], /x\.data_offsets/],
    "offsets as text": [[{ x: f32([2], "0", "8") }, eight], /x\.data_offsets/],
    "offsets beyond the file": [
      [{ x: f32([4], 0, 16) }, eight],
      /end at byte 16 of the data; the file holds 8/,
    ],
    "a huge tensor beyond the file": [[{ x: f32([2 ** 45], 0, 2 ** 47) }, eight], /the file holds 8/],
    overlap: [[{ x: f32([1], 0, 4), y: f32([2], 0, 8) }, eight], /"y" overlap/],
    "a gap": [[{ x: f32([1], 4, 8) }, eight], /"x" leave a gap: begin 4; expected 0/],
    "bytes after the last tensor": [
      [{ x: f32([1], 0, 4) }, eight],
      /end at byte 4 of the data; the file holds 8/,
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [contents, message]) => {
    const path = await file(...contents);
    const before = process.memoryUsage().arrayBuffers;
    const error = await readSafetensors(path).then(
      () => undefined,
      (caught) => caught,
    );
    expect(error).toMatchObject({
      name: "VisplayError",
      code: "model",
      message: expect.stringMatching(message),
    });
    expect(error.message).toContain(path);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });

  test("an empty and a truncated file", async () => {
    const path = join(folder, "short.safetensors");
    await writeFile(path, "");
    await expect(readSafetensors(path)).rejects.toThrow("has 0 bytes; expected a safetensors file");
    const whole = await readFile(referencePath("smolvlm-tiny/case0.safetensors"));
    await writeFile(path, whole.subarray(0, -4));
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: "model" });
  });

  test("a missing file and a folder", async () => {
    const missing = join(folder, "missing.safetensors");
    await expect(readSafetensors(missing)).rejects.toMatchObject({
      code: "model",
      message: expect.stringContaining(missing),
    });
    await expect(readSafetensors(folder)).rejects.toMatchObject({
      code: "model",
      message: expect.stringContaining(folder),
    });
  });
});

describe("writing", () => {
  test("gives back what it wrote, bit for bit, as Python lays it out", async () => {
    const path = join(folder, "model.safetensors");
    const weights = await readModelWeights(referencePath("smolvlm-tiny"));
    await writeSafetensors(path, weights);
    const original = await readFile(referencePath("smolvlm-tiny/model.safetensors"));
    expect((await readFile(path)).equals(original)).toBe(true);
  });

  test("sorts by name", async () => {
    const path = join(folder, "tiny.safetensors");
    const b = { shape: [2], data: Float32Array.of(1, 2) };
    const a = { shape: [], data: Float32Array.of(3) };
    await writeSafetensors(
      path,
      new Map([
        ["b", b],
        ["a", a],
      ]),
    );
    const written = await readFile(path);
    const length = Number(written.readBigUInt64LE());
    expect(length % 8).toBe(0);
    expect(JSON.parse(written.toString("utf8", 8, 8 + length))).toEqual({
      __metadata__: { format: "pt" },
      a: { dtype: "F32", shape: [], data_offsets: [0, 4] },
      b: { dtype: "F32", shape: [2], data_offsets: [4, 12] },
    });
    expect([...(await readSafetensors(path)).keys()]).toEqual(["a", "b"]);
  });

  test("a failure is a disk error and leaves nothing behind", async () => {
    const target = join(folder, "occupied");
    await mkdir(target);
    const tensors = new Map([["a", { shape: [1], data: Float32Array.of(3) }]]);
    for (const path of [target, join(folder, "nowhere", "x.safetensors")]) {
      const error = await writeSafetensors(path, tensors).then(
        () => undefined,
        (caught) => caught,
      );
      expect(error).toMatchObject({ code: "disk", message: expect.stringContaining(path) });
    }
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("refuses a shape that does not fit", async () => {
    const tensors = new Map([["a", { shape: [2], data: Float32Array.of(3) }]]);
    await expect(writeSafetensors(join(folder, "x"), tensors)).rejects.toThrow(RangeError);
  });
});

describe("model folders", () => {
  const index = (map: unknown) =>
    writeFile(join(folder, "sharded", "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));

  test("shards through an index", async () => {
    const sharded = join(folder, "sharded");
    await mkdir(sharded);
    const weights = await readModelWeights(referencePath("smolvlm-tiny"));
    const halves = [0, 1].map((half) => new Map([...weights].filter((_, i) => i % 2 === half)));
    const shards: Record<string, string> = {};
    for (const [i, half] of halves.entries()) {
      const shard = `model-0000${i + 1}-of-00002.safetensors`;
      await writeSafetensors(join(sharded, shard), half);
      for (const name of half.keys()) shards[name] = shard;
    }
    await index(shards);
    const read = await readModelWeights(sharded);
    expect(read.size).toBe(weights.size);
    for (const path of [sharded, referencePath("smolvlm-tiny")])
      expect([...(await locateModelWeights(path)).keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [name, { data }] of weights) {
      expect(Buffer.compare(bytes(data), bytes(read.get(name)?.data as Float32Array)), name).toBe(0);
    }

    await index({ ...shards, "lm_head.bias": "model-00001-of-00002.safetensors" });
    await expect(readModelWeights(sharded)).rejects.toThrow(/has no tensor "lm_head\.bias"/);
    await index({ x: "../../etc/passwd" });
    await expect(readModelWeights(sharded)).rejects.toThrow(
      /weight_map\.x is "..\/..\/etc\/passwd"; expected the name/,
    );
  });

  test("a folder without weights says what it expected", async () => {
    const error = await readModelWeights(`${folder}-none`).catch((caught) => caught);
    expect(error).toMatchObject({
      code: "model",
      message: expect.stringContaining("model.safetensors.index.json"),
    });
  });

  test("weights are floating-point", async () => {
    const integers = join(folder, "integers");
    await mkdir(integers);
    const path = await file({ x: { dtype: "I32", shape: [1], data_offsets: [0, 4] } }, new Uint8Array(4));
    await writeFile(join(integers, "model.safetensors"), await readFile(path));
    await expect(readModelWeights(integers)).rejects.toThrow(/tensor is I32; expected floating-point/);
  });
});
