import { get } from "node:http";
import { gunzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";

/** What a person at the inspector waits for, measured in the page itself. */

const viewport = { width: 1280, height: 860 };
const row = '[role="rowgroup"] [role="row"] a';

/** Each screen, and what is there once it shows what was asked for. */
const screens: readonly (readonly [hash: string, ready: string])[] = [
  ["run", ".facts dd"],
  ["questions", "table a"],
  ["episodes", row],
  ["episodes?sort=-reward", row],
  ["episodes?phase=reasoner&reward=0.2..0.4&sort=confidence", row],
  ["episodes?text=word17", row],
  ["episodes/1000", "details.rollout .tokens"],
  ["curriculum", row],
  ["compare", '[role="status"]'],
];

/** Times from an address to the first rows on the screen, in a browser that has seen nothing before, ms. */
export async function openedScreens(browser: Browser, address: string, repeats: number): Promise<number[]> {
  const key = await keyOf(address);
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    for (const [hash, ready] of screens) {
      await using context = await browser.newContext({ viewport });
      const page = await context.newPage();
      const startedMs = performance.now();
      await page.goto(`${address}#/${key}/${hash}`, { waitUntil: "commit" });
      await page.locator(ready).first().waitFor();
      times.push(performance.now() - startedMs);
      process.stderr.write(`  ${hash} ${Math.round(times.at(-1) ?? 0)} ms\n`);
    }
  }
  return times;
}

const filters: readonly string[] = [
  "phase=questioner",
  "phase=reasoner",
  "sort=-reward",
  "sort=confidence",
  "part:agreement=0.4..0.5",
  "text=circle",
  "text=word1234",
  "ended=length&sort=length",
  "round=3..5&sort=-advantage",
];

/** Times from a changed filter, or order, to its rows on the screen, ms. */
export async function changedFilters(browser: Browser, address: string, repeats: number): Promise<number[]> {
  const key = await keyOf(address);
  await using context = await browser.newContext({ viewport });
  const page = await context.newPage();
  await page.goto(`${address}#/${key}/episodes`);
  await page.locator(row).first().waitFor();
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    for (const filter of filters) {
      times.push(await changed(page, `#/${key}/episodes?${filter}&step=..${1000 + i}`));
      process.stderr.write(`  ${filter} ${Math.round(times.at(-1) ?? 0)} ms\n`);
    }
  }
  return times;
}

/** Rows of the query before are busy until those of this one are there, which may be before the next frame. */
function changed(page: Page, hash: string): Promise<number> {
  return page.evaluate(`new Promise((resolve) => {
    const group = document.querySelector('[role="rowgroup"]');
    const isOld = () => group.getAttribute("aria-busy") === "true";
    let wasOld = false;
    const observer = new MutationObserver(() => (wasOld = true));
    observer.observe(group, { attributeFilter: ["aria-busy"] });
    const startedMs = performance.now();
    location.hash = ${JSON.stringify(hash)};
    const look = () => {
      if (!wasOld || isOld() || !group.querySelector('[role="row"] a')) return requestAnimationFrame(look);
      observer.disconnect();
      resolve(performance.now() - startedMs);
    };
    requestAnimationFrame(look);
  })`);
}

/** Times between frames while so many rows are flung through, ms. */
export async function flungThrough(browser: Browser, address: string, rows: number): Promise<number[]> {
  await using context = await browser.newContext({ viewport });
  const page = await context.newPage();
  await page.goto(`${address}#/${await keyOf(address)}/episodes`);
  await page.getByText(/^[\d,]+ episodes$/).waitFor();
  return await page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector('[aria-label="Episodes"].rows');
    const table = list.querySelector('[role="table"]');
    const total = Number(table.getAttribute("aria-rowcount"));
    const end = (list.scrollHeight - list.clientHeight) * Math.min(1, ${rows} / total);
    const frames = [];
    let before = performance.now();
    const seconds = 5;
    const startedMs = before;
    const fling = (now) => {
      frames.push(now - before);
      before = now;
      const share = Math.min(1, (now - startedMs) / (1000 * seconds));
      list.scrollTop = end * share;
      if (share < 1) requestAnimationFrame(fling);
      else resolve(frames.slice(1));
    };
    requestAnimationFrame(fling);
  })`);
}

/** What the page itself weighs as it is sent: document, script and style. */
export async function pageBytes(address: string): Promise<number> {
  const document = await packed(address);
  const paths = gunzipSync(document)
    .toString()
    .matchAll(/(?:src|href)="(\.\/[^"]+)"/g);
  const files = await Promise.all([...paths].map(([, path = ""]) => packed(new URL(path, address).href)));
  return [document, ...files].reduce((sum, { length }) => sum + length, 0);
}

function packed(url: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { "accept-encoding": "gzip" } }, async (response) => {
      resolve(Buffer.concat(await response.toArray()));
    }).on("error", reject);
  });
}

async function keyOf(address: string): Promise<string> {
  const [line] = (await (await fetch(new URL("api/runs", address))).json()) as { readonly key: string }[];
  return encodeURIComponent(line?.key ?? "");
}
