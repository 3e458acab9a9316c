/**
 * A simulator that needs no Python, as `environments/gymnasium/simulator.py` speaks: one counts up or down, and the picture is as
 * bright as the count. Its environment's name, or the action "strike", says how it fails.
 */
import { createInterface } from "node:readline";
import { crc32, deflateSync } from "node:zlib";

const failures = {
  crash: () => process.exit(7),
  hang: () => new Promise(() => setInterval(() => {}, 1000)),
  nonsense: () => "no JSON",
  other: ({ id }) => JSON.stringify({ id: id + 1, given: {} }),
  "no-picture": ({ id }) => answer(id, { picture: "AAAA", reward: 0, terminated: false, truncated: false }),
  empty: ({ id }) => answer(id, {}),
  throw: ({ id }) => JSON.stringify({ id, fault: { kind: "threw", reason: "ValueError: out of range" } }),
  refuse: ({ id }) =>
    JSON.stringify({
      id,
      fault: { kind: "refused", reason: "No module named 'x'; install it: pip install x" },
    }),
};

const answer = (id, given) => JSON.stringify({ id, given });
let [name, plays] = ["", 0];

/** A PNG of one pixel, in base64. */
function picture(red, green) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return [frame.subarray(0, 4), body, frame.subarray(4)];
  };
  const parts = [
    Buffer.from("89504e470d0a1a0a", "hex"),
    ...chunk("IHDR", Buffer.from("00000001000000010802000000", "hex")),
    ...chunk("IDAT", deflateSync(Buffer.from([0, red, green, 0]))),
    ...chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat(parts).toString("base64");
}

function reply(request) {
  const { id, method, env, seed, actions } = request;
  if (method === "open") {
    name = env;
    const failure = name.startsWith("open-") && failures[name.slice("open-".length)];
    return failure ? failure(request) : answer(id, { actions: ["up", "down", "strike"] });
  }
  if (actions.includes(2)) return failures[name](request);
  const count = actions.reduce((sum, action) => sum + (action === 0 ? 1 : -1), seed % 5);
  plays++;
  const end = { terminated: count === 4, truncated: actions.length === 6 };
  return answer(id, { picture: picture(10 * Math.max(0, count), plays), reward: count, ...end });
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${await reply(JSON.parse(line))}\n`);
