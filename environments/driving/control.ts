import { type Ego, hardestBraking, middleOf, type World, wheelbase } from "./world.ts";

/** What a driver can decide, once a second. */
export const decisions = ["keep", "faster", "slower", "brake", "left", "right"] as const;
export type Decision = (typeof decisions)[number];

/** What the wheels are told: m/s², and radians of the front wheels. */
export interface Controls {
  readonly acceleration: number;
  readonly steering: number;
}

const accelerations: Readonly<Record<Decision, number>> = {
  ...{ keep: 0, left: 0, right: 0 },
  ...{ faster: 2, slower: -2, brake: -hardestBraking },
};

/** Of the front wheels, radians. */
const mostSteering = 0.4;
/** How fast the heading comes to what is wanted, 1/s. */
const turnGain = 1.8;

/** What is asked of the engine for a decision, m/s². */
export function accelerationOf(decision: Decision): number {
  return accelerations[decision];
}

/** The lane that a decision steers for; one that is not there is not steered for. */
export function laneAfter(decision: Decision, { ego, lanes }: Pick<World, "ego" | "lanes">): number {
  const wanted = ego.lane + (decision === "left" ? 1 : decision === "right" ? -1 : 0);
  return wanted >= 0 && wanted < lanes.length ? wanted : ego.lane;
}

/**
 * Steers for the middle of the lane: the heading that leads there in about two seconds, and the front wheels that turn the car to
 * it. Brakes no harder than the tyres hold, and stands still rather than drive back.
 */
export function controlsFor(ego: Ego, acceleration: number, grip: number): Controls {
  const aside = middleOf(ego.lane) - ego.y;
  const heading = clamp(aside / Math.max(6, 1.6 * ego.speed), 0.3);
  const turning = turnGain * (heading - ego.heading);
  const steering = clamp(Math.atan((wheelbase * turning) / Math.max(2, ego.speed)), mostSteering);
  return { acceleration: Math.max(acceleration, -hardestBraking * grip), steering };
}

/** A kinematic bicycle over a short time (Kong et al. 2015, about the rear axle): x' = v cos θ, y' = v sin θ, θ' = v tan δ / L. */
export function moveBicycle(ego: Ego, { acceleration, steering }: Controls, seconds: number): Ego {
  const speed = Math.max(0, ego.speed + acceleration * seconds);
  const mean = (ego.speed + speed) / 2;
  return {
    ...ego,
    x: ego.x + mean * Math.cos(ego.heading) * seconds,
    y: ego.y + mean * Math.sin(ego.heading) * seconds,
    heading: ego.heading + ((mean * Math.tan(steering)) / wheelbase) * seconds,
    speed,
    acceleration,
  };
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(-most, value));
}
