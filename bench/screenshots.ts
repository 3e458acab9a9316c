/** `npm run screenshots`: the pictures of the inspector in README and docs, of a real run. */
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { program } from "commander";
import sharp from "sharp";
import { ReplayReader } from "../replay/reader.ts";
import { startChromium } from "./browser/chromium.ts";
import { startInspector } from "./browser/inspector_process.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { outputOf } from "./program.ts";

const visplay = fileURLToPath(new URL("../cli/main.js", import.meta.url));
const size = { width: 1280, height: 800 };

const settings = [
  "rounds=12",
  "questioner.stepsPerRound=12",
  "curriculum.images=96",
  "evaluation.questions=70",
];

const { run } = program
  .name("npm run screenshots --")
  .description("take the pictures of the inspector that README and docs show")
  .option("--run <folder>", "a run to show; without it, one is played, which takes minutes")
  .parse()
  .opts<{ run?: string }>();

await using scratch = await scratchFolder();
const folder = run ?? (await playedRun(join(scratch.path, "scenes")));
await using inspector = await startInspector(visplay, [folder]);
const target = join(packageRoot, "docs/pictures");
await mkdir(target, { recursive: true });
await using browser = await startChromium();
for (const [name, hash] of Object.entries(viewsOf(folder))) {
  const page = await browser.newPage({ viewport: size, colorScheme: "light" });
  await page.goto(`${inspector.address}#/${encodeURIComponent(basename(folder))}/${hash}`);
  await page.waitForLoadState("networkidle");
  const png = sharp(await page.screenshot()).png({ palette: true, colours: 64, effort: 10 });
  const { size: bytes } = await png.toFile(join(target, `${name}.png`));
  console.log(`docs/pictures/${name}.png: ${Math.round(bytes / 1000)} kB`);
}

async function playedRun(out: string): Promise<string> {
  const set = settings.flatMap((setting) => ["--set", setting]);
  await outputOf(process.execPath, [visplay, "train", "--out", out, ...set]);
  return out;
}

/** The questions of the whole run, and the last group whose answers were of two minds. */
function viewsOf(path: string): Readonly<Record<string, string>> {
  using reader = ReplayReader.open(path);
  const ranges = { "part:agreement": { min: 0.3, max: 0.7 } };
  const { episodes } = reader.episodes({ phases: ["reasoner"], ranges, limit: 1 });
  return { questions: "questions", group: `episodes/${episodes[0]?.id ?? 1}` };
}
