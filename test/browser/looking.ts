import { type Browser, type BrowserContextOptions, devices, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { startChromium } from "../../bench/browser/chromium.ts";
import { type InspectorProcess, startInspector } from "../../bench/browser/inspector_process.ts";
import { program } from "../built.ts";

/** A page, and what happened on it that should not. */
export interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** Errors, dialogs, violations of the content policy, and requests to elsewhere. */
  readonly incidents: readonly string[];
}

export const wide: BrowserContextOptions = { viewport: { width: 1280, height: 860 } };
export const narrow: BrowserContextOptions = {
  ...devices["iPhone 13"],
  viewport: { width: 390, height: 844 },
};

let browser: Browser;

/** One Chromium for the tests of a file. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());
}

/** One inspector for the tests of a file; gives the function that says where a view is. */
export function useInspector(folders: () => readonly string[]): (hash?: string) => string {
  let inspector: InspectorProcess;
  beforeAll(async () => {
    inspector = await startInspector(program, folders());
  });
  afterAll(() => inspector?.[Symbol.asyncDispose]());
  return (hash = "") => `${inspector.address}${hash}`;
}

/** Opens an address as somebody does who was sent it: in a browser that has seen nothing before. */
export async function open(address: string, options: BrowserContextOptions = wide): Promise<Watched> {
  const context = await browser.newContext(options);
  const incidents: string[] = [];
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const origin = new URL(address).origin;
  page.on("pageerror", ({ message }) => incidents.push(`error: ${message}`));
  page.on("console", (message) => {
    const { url } = message.location();
    // A browser says so of every picture that is not there.
    const isPicture = /\/images\//.test(url) && message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isPicture) incidents.push(`console: ${message.text()}`);
  });
  page.on("dialog", async (dialog) => {
    incidents.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== origin) incidents.push(`request: ${url.href}`);
  });
  await page.addInitScript(
    'addEventListener("securitypolicyviolation", (event) => console.error("policy:", event.violatedDirective))',
  );
  await page.goto(address);
  return { page, incidents, [Symbol.asyncDispose]: () => context.close() };
}

interface Row {
  readonly innerText: string;
  getAttribute(name: string): string | null;
}

/** The rows of a virtual table that are in the document, from the top. */
export async function rowsOf(page: Page): Promise<string[]> {
  await page.locator('[role="rowgroup"] [role="row"] a').first().waitFor();
  return page.locator('[role="rowgroup"] [role="row"]').evaluateAll((all: readonly Row[]) =>
    all
      .map((row) => ({ at: Number(row.getAttribute("aria-rowindex")), text: row.innerText }))
      .sort((a, b) => a.at - b.at)
      .map(({ text }) => text),
  );
}

/** Waits until a text, or one that matches, stands on the page. */
export async function says(page: Page, text: string | RegExp): Promise<void> {
  await expect.poll(() => textOf(page), { timeout: 20_000 }).toMatch(text);
}

export function textOf(page: Page): Promise<string> {
  return page.locator("body").innerText();
}
