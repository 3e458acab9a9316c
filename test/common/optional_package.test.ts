import { expect, test } from "vitest";
import { importOptional } from "../../common/optional_package.ts";

const from = (name: string) => () => import(/* @vite-ignore */ name);

test("a package that is missing is said how to add; whatever else is wrong with it stays what it is", async () => {
  const { join } = await importOptional("node:path", "tools.use.0", from("node:path"));
  expect(join("a", "b")).toBe("a/b");
  await expect(
    importOptional("@nobody/such", "tools.use.0", from("@nobody/such/part.js")),
  ).rejects.toMatchObject({
    code: "config",
    message:
      "tools.use.0 needs the package @nobody/such, which is not installed; add it: npm install @nobody/such",
  });
  await expect(importOptional("@nobody/such", "tools.use.0", from("@nobody/such"), "1.2.3")).rejects.toThrow(
    /npm install @nobody\/such@1\.2\.3$/,
  );
  // A package of which another one is missing.
  const broken = importOptional("@somebody/else", "tools.use.0", from("@nobody/such"));
  await expect(broken).rejects.toThrow("@nobody/such");
  await expect(broken).rejects.not.toMatchObject({ code: "config" });
});
