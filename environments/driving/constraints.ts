import type { Constraint } from "../../rewards/constraints.ts";

/** What must not happen on the road: what they cost is the reward's, and that they never pay. */
export const drivingConstraints: readonly Constraint[] = [
  { name: "collision", kind: "hard", penalty: 10 },
  { name: "redLight", kind: "hard", penalty: 10 },
  { name: "speeding", kind: "hard", penalty: 5 },
];
