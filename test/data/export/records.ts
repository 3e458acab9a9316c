import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import type { CurriculumRecord } from "../../../data/export/record.ts";
import { contentId } from "../../../images/image.ts";

/** A record of which only some things matter. */
export function record(own: Partial<CurriculumRecord> = {}): CurriculumRecord {
  return {
    run: "photos",
    runIndex: 0,
    round: 1,
    origin: { episode: 7, rollout: 2 },
    image: "a".repeat(32),
    imageName: "a.jpg",
    file: "a.jpg",
    question: "how many birds are there ?",
    answer: "2",
    confidence: 0.75,
    votes: [
      { answer: "2", count: 3 },
      { answer: "3", count: 1 },
    ],
    abstentions: 0,
    parseFailures: 1,
    verified: null,
    outcome: "admitted",
    agreement: null,
    ...own,
  };
}

/** Places and cameras in a picture's EXIF. */
export const secretCamera = "secret-camera-8812";

/** Records about pictures that are written into a folder: PNG, JPEG with a place, and WebP in turn, two questions about each. */
export async function writtenRecords(folder: string, pictures: number): Promise<CurriculumRecord[]> {
  mkdirSync(folder, { recursive: true });
  const records: CurriculumRecord[] = [];
  for (let i = 0; i < pictures; i++) {
    const format = (["png", "jpeg", "webp"] as const)[i % 3] ?? "png";
    const pixels = Uint8Array.from(
      { length: 24 * 16 * 3 },
      (_, at) => (at * 7 + i * 31 + (at >> 3) * i) % 256,
    );
    const exif = {
      IFD0: { Make: secretCamera },
      IFD3: { GPSLatitude: "52/1 30/1 0/1", GPSLatitudeRef: "N" },
    };
    const bytes = await sharp(pixels, { raw: { width: 24, height: 16, channels: 3 } })
      .withExif(exif)
      .toFormat(format)
      .toBuffer();
    const image = contentId(bytes);
    const file = join(folder, `${image}.${format === "jpeg" ? "jpg" : format}`);
    writeFileSync(file, bytes);
    const own = { image, imageName: `picture ${i}`, file };
    records.push(
      record({
        ...own,
        question: `how many birds are in picture ${i} ?`,
        answer: String(i),
        origin: { episode: i, rollout: 0 },
      }),
      record({
        ...own,
        question: `is "${i}" é 日本 <b> left\nof it ?`,
        answer: "yes",
        confidence: 1,
        votes: [],
        origin: null,
      }),
    );
  }
  return records;
}
