/** `npm run picture`: draws docs/learning.svg from bench/figures/learning.json. */
import { readFile } from "node:fs/promises";
import { replaceFile } from "../replay/disk.ts";
import { learningChart } from "./learning_chart.ts";

const figures = JSON.parse(await readFile("bench/figures/learning.json", "utf8"));
await replaceFile("docs/learning.svg", learningChart(figures));
