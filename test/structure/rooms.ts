/**
 * The house: every folder with code in it, and what it may import beside itself. A room imports only rooms above it, so
 * that no two ever need each other. A folder that stands here by itself is no part of the one around it.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  common: [],
  rewards: [],
  hub: ["common"],
  images: ["common"],
  "images/scenes": ["common", "images"],
  data: ["common", "images"],
  "data/export": ["common", "rewards", "images"],
  autodiff: ["common"],
  replay: ["common"],
  inspector: ["common", "rewards", "replay"],
  "inspector/page": ["replay", "inspector"],
  "inspector/terminal": ["images", "replay", "inspector"],
  policy: ["common", "images"],
  "policy/models": ["common", "images", "autodiff", "policy"],
  "policy/chat": ["common", "images", "policy", "policy/models"],
  "policy/weights": ["common", "autodiff", "policy", "policy/models"],
  "policy/embedded": [
    "common",
    "images",
    "autodiff",
    "policy",
    "policy/models",
    "policy/chat",
    "policy/weights",
  ],
  "policy/parallel": ["common", "images", "autodiff", "policy", "policy/weights", "policy/embedded"],
  "policy/new_model": ["common", "autodiff", "policy/models", "policy/weights"],
  "policy/pretrain": [
    "common",
    "images",
    "images/scenes",
    "autodiff",
    "policy",
    "policy/models",
    "policy/embedded",
    "policy/new_model",
  ],
  questioner: ["common", "images", "policy"],
  reasoner: ["common", "images", "policy"],
  training: ["common", "rewards", "policy"],
  "arena/config": ["common", "rewards", "images/scenes", "autodiff", "replay", "policy", "training"],
  watch: ["common", "replay", "arena/config"],
  arena: [
    "common",
    "rewards",
    "images",
    "images/scenes",
    "replay",
    "policy",
    "questioner",
    "reasoner",
    "training",
    "arena/config",
  ],
  bench: [
    "common",
    "rewards",
    "images",
    "data",
    "images/scenes",
    "autodiff",
    "replay",
    "watch",
    "policy",
    "policy/models",
    "policy/chat",
    "policy/weights",
    "policy/embedded",
    "policy/parallel",
    "policy/pretrain",
    "arena/config",
    "arena",
  ],
  cli: [
    "common",
    "hub",
    "images",
    "images/scenes",
    "data",
    "data/export",
    "autodiff",
    "replay",
    "inspector",
    "inspector/terminal",
    "watch",
    "policy",
    "policy/chat",
    "policy/weights",
    "policy/embedded",
    "policy/parallel",
    "policy/new_model",
    "policy/pretrain",
    "questioner",
    "reasoner",
    "training",
    "arena/config",
    "arena",
  ],
};

/** The folders that alone may import a package; no other has a rule. */
export const usersOf: Readonly<Record<string, readonly string[]>> = {
  rxjs: ["arena", "cli"],
  "onnxruntime-node": ["autodiff/onnx"],
  "@xenova/transformers": ["policy/chat"],
  jiti: ["common"],
  sharp: ["images", "bench"],
  hyparquet: ["data"],
  "hyparquet-compressors": ["data"],
  "hyparquet-writer": ["data/export"],
  libsql: ["replay"],
  "prom-client": ["watch"],
  "@huggingface/hub": ["hub"],
  hono: ["inspector"],
  "@hono/node-server": ["inspector"],
  preact: ["inspector/page"],
  "@tanstack/virtual-core": ["inspector/page"],
  uplot: ["inspector/page"],
  diff: ["inspector/page"],
  "playwright-core": ["bench"],
};

/** Whether a path is a folder or lies in it. */
export function inside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The room that a file or folder belongs to; undefined outside of the house. */
export function roomOf(path: string): string | undefined {
  return Object.keys(rooms)
    .filter((room) => inside(path, room))
    .sort((a, b) => b.length - a.length)[0];
}
