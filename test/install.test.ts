import { expect, test } from "vitest";
import lock from "../package-lock.json" with { type: "json" };

test("nothing of a dependency runs when this checkout is installed", () => {
  // npm runs, or warns of, the scripts of those packages that package-lock.json flags: onnxruntime-node's downloads
  // the CUDA libraries, and protobufjs's compares version numbers. An entry that npm flags anew is to lose the line.
  const flagged = Object.entries(lock.packages).filter(([, entry]) => "hasInstallScript" in entry);
  expect(flagged.map(([path]) => path)).toEqual([]);
});
