import type { Decision } from "./control.ts";
import type { Sensed } from "./sensors.ts";
import { hardestBraking } from "./world.ts";

/** m/s: past people and what may hide them. */
const careful = { person: 4, parked: 7 } as const;

/** What a driver who sees what the sensors see would decide. */
export function decide(sensed: Sensed): Decision {
  const { speed, limit, light, ahead, beside, left, right } = sensed;
  const wanted = Math.min(limit, beside === "clear" ? limit : careful[beside]);
  const stops = [
    ...(ahead ? [{ distance: ahead.distance - 3, speed: ahead.speed }] : []),
    ...(light && light.colour !== "green" && isToStop(light, speed)
      ? [{ distance: light.distance - 1.5, speed: 0 }]
      : []),
  ];
  const needed = Math.max(0, ...stops.map((stop) => brakingFor(speed, stop)));
  if (needed > 2.5) return "brake";
  const isHeldUp =
    ahead !== null && ahead.kind !== "person" && ahead.speed < wanted - 3 && ahead.distance < 40;
  if (isHeldUp && ahead.distance > 6 && needed < 2.5 && speed > 1) {
    if (left === "free") return "left";
    if (right === "free") return "right";
  }
  if (needed > 0.9 || speed > wanted + 0.8) return "slower";
  const room = Math.min(...stops.map((stop) => stop.distance + 1.5 * stop.speed), Number.POSITIVE_INFINITY);
  const isFree = room > 4 + 2.2 * (speed + 2);
  return speed < wanted - 1.6 && isFree ? "faster" : "keep";
}

/** A yellow light that braking would not reach any more is passed. */
function isToStop({ colour, distance }: NonNullable<Sensed["light"]>, speed: number): boolean {
  return colour === "red" || speed ** 2 / (2 * Math.max(0.1, distance)) < 0.45 * hardestBraking;
}

/** The even braking, m/s², that a stop takes, a second from now. */
function brakingFor(speed: number, stop: { readonly distance: number; readonly speed: number }): number {
  const closing = speed - stop.speed;
  if (closing <= 0) return 0;
  return closing ** 2 / (2 * Math.max(0.3, stop.distance - 0.6 * closing));
}
