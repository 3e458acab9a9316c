import type { Decision } from "./control.ts";
import type { Sensed } from "./sensors.ts";
import { hardestBraking, usualGrip } from "./world.ts";

/** What a driver who sees what the sensors see would decide. */
export function decide(sensed: Sensed): Decision {
  const { speed, limit, light, ahead, left, right, sky } = sensed;
  const grip = usualGrip(sky);
  const wanted = Math.min(limit, paceBeside(sensed, grip));
  const stops = [
    ...(ahead ? [{ distance: ahead.distance - 3, speed: ahead.speed }] : []),
    ...(light && light.colour !== "green" && isToStop(light, speed)
      ? [{ distance: light.distance - 1.5, speed: 0 }]
      : []),
  ];
  const needed = Math.max(0, ...stops.map((stop) => brakingFor(speed, stop))) / grip;
  if (needed > 2.5) return "brake";
  const isHeldUp =
    ahead !== null && ahead.kind !== "person" && ahead.speed < wanted - 3 && ahead.distance < 40;
  if (isHeldUp && ahead.distance > 6 && needed < 2.5 && speed > 1) {
    if (left === "free") return "left";
    if (right === "free") return "right";
  }
  if (speed > wanted + 4.5) return "brake";
  const isNear = ahead !== null && ahead.distance < 0.9 * speed && speed > ahead.speed - 1;
  if (needed > 0.9 || isNear || speed > wanted + 0.8) return "slower";
  const room = Math.min(...stops.map((stop) => stop.distance + 1.5 * stop.speed), Number.POSITIVE_INFINITY);
  const isFree = room > 4 + 2.2 * (speed + 2);
  return speed < wanted - 1.6 && isFree ? "faster" : "keep";
}

/** m/s: past people as slowly as one can still stop, and with care past what may hide them. */
function paceBeside({ beside, besideDistance }: Sensed, grip: number): number {
  if (beside === "clear") return Number.POSITIVE_INFINITY;
  if (beside === "parked") return 7;
  return Math.max(2.5, Math.sqrt(2 * 2.5 * grip * Math.max(0, besideDistance - 4)));
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
