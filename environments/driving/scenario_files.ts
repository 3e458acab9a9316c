import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as z from "zod";
import { VisplayError } from "../../common/errors.ts";
import { isForbidden } from "../../rewards/constraints.ts";
import { drivingConstraints } from "./constraints.ts";
import { decisions } from "./control.ts";
import { brakedCosts } from "./futures.ts";
import { type Scenario, scenarioForm, worldOf } from "./scenario.ts";

/** The package's own, beside the sources: the build, too, reads them there. */
const own = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "scenarios" : "../../../environments/driving/scenarios",
    import.meta.url,
  ),
);

/**
 * The scenarios of a folder's JSON files by their names, null for the package's own. Throws "data" where one cannot be read, does
 * not have the form, or begins so that no decision keeps the constraints; the message names file and field.
 */
export async function readScenarios(folder: string | null): Promise<Scenario[]> {
  const place = folder ?? own;
  const names = await readdir(place).catch((cause) => {
    throw new VisplayError("data", `${place}: ${cause.message}; expected a folder of scenarios`, { cause });
  });
  const files = names.filter((name) => name.endsWith(".json")).sort();
  if (files.length === 0)
    throw new VisplayError("data", `${place}: found no *.json, expected scenarios (environment.data)`);
  return Promise.all(files.map((name) => readScenario(join(place, name))));
}

async function readScenario(path: string): Promise<Scenario> {
  let written: unknown;
  try {
    written = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new VisplayError("data", `${path}: ${(cause as Error).message}; expected JSON`, { cause });
  }
  const read = scenarioForm.safeParse(written);
  if (!read.success) {
    const faults = read.error.issues.map((issue) => faultText(issue, written));
    throw new VisplayError("data", `${path}: ${faults.join("; ")}`);
  }
  requireLanes(path, read.data);
  requireWayOut(path, read.data);
  return read.data;
}

function faultText({ path, message, ...issue }: z.core.$ZodIssue, written: unknown): string {
  const place = path.length === 0 ? "the scenario" : path.join(".");
  if (issue.code === "unrecognized_keys") return `${place}: ${message}, expected none of that name`;
  const found = path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key],
    written,
  );
  return `${place}: found ${JSON.stringify(found) ?? "nothing"}; ${message}`;
}

/** Lanes that are named have to be there. */
function requireLanes(path: string, { lanes, ego, cars, blocks, laneEnds }: Scenario): void {
  const named = [
    ["ego.lane", ego.lane] as const,
    ...cars.map((car, i) => [`cars.${i}.lane`, car.lane] as const),
    ...cars.flatMap(({ cutIn }, i) => (cutIn ? [[`cars.${i}.cutIn.lane`, cutIn.lane] as const] : [])),
    ...blocks.map((block, i) => [`blocks.${i}.lane`, block.lane] as const),
    ...laneEnds.map((end, i) => [`laneEnds.${i}.lane`, end.lane] as const),
  ];
  const missing = named.find(([, lane]) => lane >= lanes);
  if (missing)
    throw new VisplayError(
      "data",
      `${path}: ${missing[0]}: found lane ${missing[1]}, expected one below ${lanes} (lanes)`,
    );
}

/** Where every decision, braked after, violates a constraint, nobody could keep it. */
function requireWayOut(path: string, scenario: Scenario): void {
  const world = worldOf(scenario);
  const costs = decisions.map((decision) => brakedCosts(world, decision));
  if (costs.some((each) => !isForbidden(each, drivingConstraints))) return;
  const broken = drivingConstraints.filter(({ name }) => costs.every((each) => (each[name] ?? 0) > 0));
  const which = broken.map(({ name }) => name).join(", ") || "all constraints at once";
  throw new VisplayError(
    "data",
    `${path} (${basename(path, ".json")}): no decision keeps ${which} from its beginning on; expected more room or less speed (ego.kmh)`,
  );
}
