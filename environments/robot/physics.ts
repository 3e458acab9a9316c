import RAPIER from "@dimforge/rapier3d-deterministic-compat";
import { RandomStream } from "../../common/random.ts";
import type { Shape } from "../../images/scenes/scene.ts";
import { columnOf, rowOf } from "../../images/scenes/scene.ts";
import type { Plan } from "./plan.ts";
import { directions, type Side, type Table, type Thing, tableCells, thingRadius } from "./table.ts";

/** What came of a plan. */
export interface Work {
  /** As they lie after it. */
  readonly things: readonly Thing[];
  /** What the hand touched first; null for nothing. */
  readonly touched: number | null;
  /** What the hand, or the thing that it touched, ran into; null for nothing. */
  readonly struck: number | null;
  /** How far what was touched moved the way that the hand went, in cells. */
  readonly moved: number;
}

/** Seconds from one tick of physics and controller to the next. */
const tick = 1 / 60;
/** Cells per second, per second. */
const gravity = 98.1;
/** Cells per second. */
const handSpeed = 3;
const handRadius = 0.12;
const thingHeight = 0.3;
/** How far a thing is pushed. */
const pushDistance = 0.6;
/** Where the hand begins and where it turns back, beyond the cells. */
const margin = 0.9;
/** Ticks until things lie still, at most, and the speed at which they do (cells per second). */
const settleTicks = 60;
const stillBelow = 0.02;

let loading: Promise<void> | undefined;

/** Loads the physics engine, once. */
export function loadPhysics(): Promise<void> {
  loading ??= RAPIER.init();
  return loading;
}

/**
 * What a hand that follows a plan does to a table: the same for the same two, on every machine. The controller knows where the
 * thing in the plan's cell is, but for the world's `touch`; it goes straight there, stops when it feels it, or once that
 * is pushed far enough, and everything that it does happens `latency` later. `loadPhysics` comes first.
 */
export function work(table: Table, plan: Plan & { readonly from: Side }, turn: number): Work {
  const { things, world } = table;
  const engine = new RAPIER.World({ x: 0, y: 0, z: -gravity });
  try {
    engine.timestep = tick;
    const ground = RAPIER.ColliderDesc.cuboid(tableCells, tableCells, 0.5)
      .setTranslation(tableCells / 2, tableCells / 2, -0.5)
      .setFriction(world.friction);
    engine.createCollider(ground);
    const bodies = things.map((thing) => addThing(engine, thing, world.friction));
    return follow(engine, bodies, table, plan, new RandomStream(table.seed + turn));
  } finally {
    engine.free();
  }
}

function follow(
  engine: RAPIER.World,
  bodies: readonly RAPIER.RigidBody[],
  { things, world, goal }: Table,
  { cell, from }: Plan & { readonly from: Side },
  stream: RandomStream,
): Work {
  const at = wayTo(aimAt(things, cell, world.touch, stream), from);
  const hand = engine.createRigidBody(RAPIER.RigidBodyDesc.kinematicPositionBased());
  hand.setTranslation(at(0), false);
  const handCollider = engine.createCollider(RAPIER.ColliderDesc.ball(handRadius).setFriction(0.3), hand);
  const owners = ownersOf(bodies);
  const movedBy = (i: number) =>
    distanceAlong(things[i] as Thing, placeOf(bodies[i] as RAPIER.RigidBody), from);
  /** What the thing that was touched, if any, runs into. */
  const struckBy = (touched: number | null) =>
    touched === null
      ? null
      : (touching(engine, collidersOf(bodies[touched]), owners).find((i) => i !== touched) ?? null);
  const wanted = goal.verb === "push" ? pushDistance : 0;
  const delay = Math.round(world.latency / tick);
  let touched: number | null = null;
  let struck: number | null = null;
  let lastTick = Math.ceil((tableCells + 2 * margin) / (handSpeed * tick));
  let isStopping = false;
  for (let t = 0; t < lastTick && struck === null; t++) {
    hand.setNextKinematicTranslation(at(t + 1));
    engine.step();
    const felt = touching(engine, [handCollider], owners);
    touched ??= felt[0] ?? null;
    struck = felt.find((i) => i !== goal.target || i !== touched) ?? struckBy(touched);
    if (touched === null || isStopping || movedBy(touched) < wanted) continue;
    isStopping = true;
    lastTick = Math.min(lastTick, t + 1 + delay);
  }
  engine.removeRigidBody(hand);
  for (let t = 0; t < settleTicks && struck === null && bodies.some(isMoving); t++) {
    engine.step();
    struck = struckBy(touched);
  }
  const after = things.map((thing, i) => ({ ...thing, ...placeOf(bodies[i] as RAPIER.RigidBody) }));
  return { things: after, touched, struck, moved: touched === null ? 0 : movedBy(touched) };
}

/** Where the hand is, by the tick, on its straight way from a side. */
function wayTo(
  aim: { readonly x: number; readonly y: number },
  from: Side,
): (ticks: number) => { readonly x: number; readonly y: number; readonly z: number } {
  const [x, y] = directions[from];
  const begin = x + y < 0 ? -margin : tableCells + margin;
  const speed = -(x + y) * handSpeed * tick;
  return (ticks) => {
    const along = begin + speed * ticks;
    return x === 0 ? { x: aim.x, y: along, z: handRadius } : { x: along, y: aim.y, z: handRadius };
  };
}

/** How far a thing went away from a side. */
function distanceAlong(was: Pick<Thing, "x" | "y">, is: Pick<Thing, "x" | "y">, side: Side): number {
  const [x, y] = directions[side];
  return (was.x - is.x) * x + (was.y - is.y) * y;
}

/** Whose each collider is. */
function ownersOf(bodies: readonly RAPIER.RigidBody[]): ReadonlyMap<number, number> {
  return new Map(bodies.flatMap((body, i) => collidersOf(body).map(({ handle }) => [handle, i] as const)));
}

/** Where the controller takes what lies in a cell to be; the middle of the cell where nothing does. */
function aimAt(
  things: readonly Thing[],
  cell: Plan["cell"],
  touch: number,
  stream: RandomStream,
): { readonly x: number; readonly y: number } {
  const middle = { x: columnOf(cell) + 0.5, y: rowOf(cell) + 0.5 };
  const near = things.find(({ x, y }) => Math.max(Math.abs(x - middle.x), Math.abs(y - middle.y)) < 0.5);
  const { x, y } = near ?? middle;
  return { x: x + stream.between(-touch, touch), y: y + stream.between(-touch, touch) };
}

function addThing(engine: RAPIER.World, { shape, x, y, angle }: Thing, friction: number): RAPIER.RigidBody {
  const body = engine.createRigidBody(
    RAPIER.RigidBodyDesc.dynamic()
      .setCanSleep(false)
      .setTranslation(x, y, thingHeight / 2)
      .setRotation({ x: 0, y: 0, z: Math.sin(angle / 2), w: Math.cos(angle / 2) }),
  );
  for (const part of partsOf(shape)) engine.createCollider(part.setFriction(friction), body);
  return body;
}

/** The solid form of a shape. */
function partsOf(shape: Shape): RAPIER.ColliderDesc[] {
  const [r, h] = [thingRadius, thingHeight / 2];
  switch (shape) {
    case "circle": {
      // A cylinder of the engine stands along y.
      const upright = { x: Math.SQRT1_2, y: 0, z: 0, w: Math.SQRT1_2 };
      return [RAPIER.ColliderDesc.cylinder(h, 0.95 * r).setRotation(upright)];
    }
    case "square":
      return [RAPIER.ColliderDesc.cuboid(0.85 * r, 0.85 * r, h)];
    case "triangle": {
      const outline = [0, -1.1, 1.1, 0.85, -1.1, 0.85];
      const points = [-h, h].flatMap((z) =>
        [0, 2, 4].flatMap((i) => [r * (outline[i] as number), r * (outline[i + 1] as number), z]),
      );
      return [RAPIER.ColliderDesc.convexHull(Float32Array.from(points)) as RAPIER.ColliderDesc];
    }
    case "cross":
      return [
        RAPIER.ColliderDesc.cuboid(1.1 * r, 0.36 * r, h),
        RAPIER.ColliderDesc.cuboid(0.36 * r, 1.1 * r, h),
      ];
  }
}

function collidersOf(body: RAPIER.RigidBody | undefined): RAPIER.Collider[] {
  return Array.from({ length: body?.numColliders() ?? 0 }, (_, i) => (body as RAPIER.RigidBody).collider(i));
}

/** The things that touch some colliders, those that these belong to among them. */
function touching(
  engine: RAPIER.World,
  colliders: readonly RAPIER.Collider[],
  owners: ReadonlyMap<number, number>,
): number[] {
  const found = new Set<number>();
  for (const one of colliders)
    engine.contactPairsWith(one, (other) => {
      const thing = owners.get(other.handle);
      if (thing === undefined || found.has(thing)) return;
      engine.contactPair(one, other, (manifold) => {
        for (let i = 0; i < manifold.numContacts(); i++) if (manifold.contactImpulse(i) > 0) found.add(thing);
      });
    });
  return [...found];
}

function isMoving(body: RAPIER.RigidBody): boolean {
  const { x, y } = body.linvel();
  return Math.hypot(x, y) > stillBelow;
}

function placeOf(body: RAPIER.RigidBody): Pick<Thing, "x" | "y" | "angle"> {
  const { x, y } = body.translation();
  const { z, w } = body.rotation();
  return { x, y, angle: 2 * Math.atan2(z, w) };
}
