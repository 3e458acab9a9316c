import { requirePixels } from "./decode.ts";
import { evenlySpaced, type Frame, type FramesWanted, requireRoom } from "./frame.ts";
import { imageOf, type Size } from "./image.ts";
import type { Pixels } from "./orientation.ts";
import { readPpms } from "./ppm.ts";
import { Refusal } from "./refusal.ts";
import { shrink } from "./shrink.ts";
import { outputOf } from "./tool.ts";

/** Kinds of files that hold a video themselves; a list of other files is none of them. */
const kinds = [
  ...["mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "ogg", "ivf"],
  ...["h264", "hevc", "m4v", "mxf", "rm", "nut", "dv"],
];

/** Kinds that know where their key frames lie. */
const indexed = /\b(mov|matroska)\b/;
/** Frames that are decoded in one go, as fast as they would be found one by one. */
const inOneGo = 1000;

/** Frames of a video, by ffprobe and ffmpeg. Throws a `Refusal`. */
export async function readVideo(path: string, wanted: FramesWanted): Promise<Frame[]> {
  const { kind, size, times } = await probe(path, wanted.signal);
  requirePixels(size, wanted.limits);
  const [first = 0] = times;
  const last = times.at(-1) as number;
  const end = last + (last - first) / Math.max(1, times.length - 1);
  const moments = evenlySpaced(times, end, wanted.count).map((index) => momentOf(times, index));
  const apart = indexed.test(kind) && times.length > inOneGo;
  const frames: Frame[] = [];
  for (const some of apart ? moments.map((moment) => [moment]) : [moments])
    for await (const image of decode(path, some, moments.length, wanted))
      frames.push({ image, seconds: (moments[frames.length] as Moment).time - first });
  return frames;
}

/** When a frame appears, and a stretch of time around that in which no other does, by the clock of the file (s). */
interface Moment {
  readonly time: number;
  readonly from: number;
  readonly to: number;
}

function momentOf(times: readonly number[], index: number): Moment {
  const time = times[index] as number;
  const halfway = (other: number | undefined, otherwise: number) => (time + (other ?? otherwise)) / 2;
  return { time, from: halfway(times[index - 1], time - 1), to: halfway(times[index + 1], time + 1) };
}

/** What is known of a video before any of it is decoded. */
interface Probe {
  /** Names of its container. */
  readonly kind: string;
  /** As it is stored, perhaps on its side. */
  readonly size: Size;
  /** When frames appear, by the clock of the file (s), ascending; one at least. */
  readonly times: readonly number[];
}

/** What ffprobe may list: enough for ten hours of sixty frames a second. */
const listBytes = 2 ** 27;

async function probe(path: string, signal: AbortSignal): Promise<Probe> {
  const entries = "format=format_name:stream=width,height:packet=pts_time,dts_time,flags";
  const failure = (complaint: string) =>
    new Refusal(`found a file that is no video or a damaged one (${reasonIn(complaint)})`);
  const args = [...input(path), "-select_streams", "V:0", "-show_entries", entries, "-of", "csv"];
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of outputOf("ffprobe", args, { signal, failure })) {
    bytes += chunk.length;
    if (bytes > listBytes) throw new Refusal("found a video of more frames than can be listed; cut it");
    chunks.push(chunk);
  }
  const lines = Buffer.concat(chunks).toString("latin1").split("\n");
  const rows = lines.map((line) => line.split(","));
  const [, width, height] = rows.find(([section]) => section === "stream") ?? [];
  if (width === undefined) throw new Refusal("found a file with no video in it");
  const times = rows
    .filter(([section, , , flags]) => section === "packet" && !flags?.includes("D"))
    .map(([, shown, stored]) => Number(shown === "N/A" ? stored : shown))
    .filter(Number.isFinite);
  if (times.length === 0) throw new Refusal("found a video without a frame");
  return {
    kind: lines.find((line) => line.startsWith("format,")) ?? "",
    size: { width: Number(width), height: Number(height) },
    times: times.sort((a, b) => a - b),
  };
}

function input(path: string): string[] {
  const only = ["-protocol_whitelist", "file", "-format_whitelist", kinds.join(",")];
  return ["-v", "error", ...only, "-i", `file:${path}`];
}

/** The frames at some moments, one at a time; `inAll` will be kept. A single one is looked for from the key frame before. */
async function* decode(path: string, moments: readonly Moment[], inAll: number, wanted: FramesWanted) {
  const [{ from } = { from: 0 }, another] = moments;
  const seek = another ? [] : ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", from.toFixed(6)];
  const inside = moments.map(({ from, to }) => `between(t,${from.toFixed(6)},${to.toFixed(6)})`);
  const chosen = ["-map", "0:V:0", "-vf", `select='${inside.join("+")}'`, "-frames:v", `${moments.length}`];
  const written = ["-vsync", "passthrough", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"];
  const args = ["-nostdin", "-xerror", "-copyts", ...seek, ...input(path), ...chosen, ...written];
  const { limits, shrinkTo, signal } = wanted;
  const damage = (complaint: string) => new Refusal(`found a damaged video (${reasonIn(complaint)})`);
  const pictures = readPpms(outputOf("ffmpeg", args, { signal, failure: damage }), (width, height) => {
    requirePixels({ width, height }, limits);
    requireRoom(inAll, shrinkTo({ width, height }) ?? { width, height }, limits);
  });
  let decoded = 0;
  for await (const whole of pictures) {
    const target = shrinkTo(whole);
    const { width, height, data } = target ? await shrink(rowsOf(whole), 1, target) : whole;
    decoded++;
    yield imageOf(width, height, data);
  }
  if (decoded < moments.length) throw damage(`it has ${decoded} of ${moments.length} frames`);
}

function rowsOf({ width, height, data }: Pixels) {
  const rows = async (top: number, count: number) =>
    data.subarray(3 * top * width, 3 * (top + count) * width);
  return { width, height, rows };
}

/** What a tool complained of in its first line, without where in its memory. */
function reasonIn(complaint: string): string {
  const [line = ""] = complaint.split("\n");
  return line.replace(/^(\[[^\]]*\]|file:.*?:) /, "").slice(0, 200) || "it gives no reason";
}
