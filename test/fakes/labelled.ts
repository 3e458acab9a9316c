import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { balancedQuestions } from "../../images/scenes/draw.ts";
import { formatQuestion } from "../../images/scenes/questions.ts";
import { SceneSource } from "../../images/scenes/source.ts";

const opposite: Readonly<Record<string, string>> = { yes: "no", no: "yes" };

/**
 * Writes a folder of pictures with questions whose answer is yes or no, each labelled by its opposite: the embedded model
 * gets nearly all of them wrong, until it learned from them. Gives their number.
 */
export async function writeOpposites(folder: string, scenes: number, seed: number): Promise<number> {
  await mkdir(folder, { recursive: true });
  const source = new SceneSource({ domain: "target", count: scenes, seed });
  const asked = balancedQuestions(source, 2 * scenes, seed).flatMap(({ index, question, answer }) => {
    const label = opposite[answer];
    return label ? [{ index, question: formatQuestion(question), answer: label }] : [];
  });
  for (const index of new Set(asked.map((each) => each.index))) {
    const { width, height, data } = await source.draw(index);
    const picture = sharp(Buffer.from(data), { raw: { width, height, channels: 3 } });
    await picture.png().toFile(join(folder, `${index}.png`));
  }
  const rows = asked.map(({ index, ...row }) => JSON.stringify({ file_name: `${index}.png`, ...row }));
  await writeFile(join(folder, "metadata.jsonl"), `${rows.join("\n")}\n`);
  return rows.length;
}
