import {
  type Car,
  carLength,
  colourAt,
  hardestBraking,
  middleOf,
  middleX,
  type Walker,
  type World,
} from "./world.ts";

/** Of the Intelligent Driver Model (Treiber et al. 2000): m/s², s, m. */
const idm = { acceleration: 1.6, comfort: 2.5, headway: 1.2, gap: 2 } as const;

/** How fast a car goes aside as it changes lanes, m/s. */
const aside = 1.6;

/** What another car does next. */
export function moveCar(car: Car, world: World, seconds: number): Car {
  const behind = car.x - middleX(world.ego);
  const { cutIn } = car;
  const cuts = cutIn !== null && behind > 0 && behind < cutIn.gap;
  const lane = cuts ? cutIn.lane : car.lane;
  const isStopping = car.isStopping || (car.stopsAt !== null && behind > 0 && behind < car.stopsAt);
  const acceleration = isStopping ? -0.8 * hardestBraking * world.grip : followed({ ...car, lane }, world);
  const speed = Math.max(0, car.speed + acceleration * seconds);
  const side = middleOf(lane) - car.y;
  return {
    ...car,
    lane,
    cutIn: cuts ? null : cutIn,
    isStopping,
    speed,
    x: car.x + ((car.speed + speed) / 2) * seconds,
    y: car.y + Math.sign(side) * Math.min(Math.abs(side), aside * seconds),
  };
}

/** Its acceleration by what is in front of it: a' = a (1 - (v / v₀)⁴ - (s* / s)²), s* = s₀ + v T + v Δv / (2 √(a b)). */
function followed(car: Car, world: World): number {
  const { acceleration, comfort, headway, gap } = idm;
  const { distance, speed } = ahead(car, world);
  const wanted =
    gap + car.speed * headway + (car.speed * (car.speed - speed)) / (2 * Math.sqrt(acceleration * comfort));
  const free = 1 - (car.speed / Math.max(0.1, car.wanted)) ** 4;
  const held = (Math.max(gap, wanted) / Math.max(0.1, distance)) ** 2;
  return Math.max(-hardestBraking * world.grip, acceleration * (free - held));
}

interface Ahead {
  readonly distance: number;
  readonly speed: number;
}

/** The next thing that a car has to stay behind. */
function ahead(car: Car, { ego, cars, standing, lights, time }: World): Ahead {
  let next: Ahead = { distance: Number.POSITIVE_INFINITY, speed: 0 };
  const see = (x: number, y: number, speed: number): void => {
    const distance = x - car.x - carLength;
    if (x > car.x && Math.abs(y - middleOf(car.lane)) < 1.6 && distance < next.distance)
      next = { distance, speed };
  };
  see(middleX(ego), ego.y, ego.speed);
  for (const other of cars) if (other !== car) see(other.x, other.y, other.speed);
  for (const { x, y } of standing) see(x, y, 0);
  for (const light of lights)
    if (colourAt(light, time) === "red") see(light.x + carLength / 2, middleOf(car.lane), 0);
  return next;
}

/** What someone on foot does next: they set out once the car that is driven is near, and go on to the other side. */
export function moveWalker(walker: Walker, { ego }: World, seconds: number): Walker {
  const distance = walker.x - middleX(ego);
  const isWalking = walker.isWalking || (distance > 0 && distance < walker.startsAt);
  if (!isWalking) return walker;
  const rest = walker.to - walker.y;
  return {
    ...walker,
    isWalking,
    y: walker.y + Math.sign(rest) * Math.min(Math.abs(rest), walker.speed * seconds),
  };
}
