import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { decodeFile, inspectFile } from "../../images/decode.ts";

/** Made by make_pictures.py. */
type Case =
  | { readonly width: number; readonly height: number; readonly rgb: string; readonly within: number }
  | { readonly refused: string };

const folder = join(import.meta.dirname, "pictures");
const at = (name: string): string => join(folder, "files", name);
const cases: [string, Case][] = Object.entries(
  JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")),
);
const pictures = cases.flatMap(([name, each]) => ("rgb" in each ? [[name, each] as const] : []));
const refusals = cases.flatMap(([name, each]) => ("refused" in each ? [[name, each] as const] : []));

describe("pictures are as Pillow has them", () => {
  let [equal, close] = [0, 0];
  afterAll(() => {
    const read = `${equal + close} of ${pictures.length} pictures as Pillow has them`;
    process.stdout.write(`${read} (${equal} bit for bit, ${close} within what is allowed)\n`);
  });

  test.each(pictures)("%s", async (name, { width, height, rgb, within }) => {
    expect(await inspectFile(at(name))).not.toHaveProperty("refused");
    const image = await decodeFile(at(name), name);
    expect([image.width, image.height]).toEqual([width, height]);
    const expected = inflateSync(Buffer.from(rgb, "base64"));
    const differences = expected.map((value, i) => Math.abs(value - (image.data[i] as number)));
    const largest = differences.reduce((most, each) => Math.max(most, each), 0);
    expect(largest).toBeLessThanOrEqual(within);
    if (largest === 0) equal++;
    else close++;
  });
});

describe("what cannot be read is refused by its kind", () => {
  test.each(refusals)("%s", async (name, { refused }) => {
    const error = { code: "images", message: expect.stringContaining(refused) };
    await expect(decodeFile(at(name), name)).rejects.toMatchObject(error);
  });

  test("of files that are read at the same time each has its own reason", async () => {
    const alone = new Map<string, string>();
    const reason = (name: string) => decodeFile(at(name), name).then(String, ({ message }) => message);
    for (const [name] of refusals) alone.set(name, await reason(name));
    const crowd = [...refusals, ...pictures, ...refusals].map(([name]) => name);
    const together = await Promise.all(crowd.map(async (name) => [name, await reason(name)] as const));
    for (const [name, found] of together) if (alone.has(name)) expect(found).toBe(alone.get(name));
  });

  test("what is unsupported is refused by its header", async () => {
    for (const [name, { refused }] of refusals) {
      if (/damaged|within|picture$|marker/.test(refused)) continue;
      expect(await inspectFile(at(name)), name).toMatchObject({ refused: expect.stringContaining(refused) });
    }
  });
});
