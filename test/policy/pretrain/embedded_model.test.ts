import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeUntrainedModel } from "../../../policy/pretrain/embedded_model.ts";

test("the embedded model, untrained, has the files of the one that is shipped", async () => {
  const folder = await mkdtemp(join(tmpdir(), "visplay-embedded-"));
  await writeUntrainedModel(folder, 0);
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".safetensors"));
  expect(names).toHaveLength(8);
  for (const name of names)
    expect(await readFile(join(folder, name), "utf8"), name).toBe(
      await readFile(join("models/tiny", name), "utf8"),
    );
  await rm(folder, { recursive: true });
});
