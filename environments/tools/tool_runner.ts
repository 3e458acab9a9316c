import * as z from "zod";
import { ByteCache } from "../../common/byte_cache.ts";
import type { ToolCall } from "../../common/tool_call.ts";
import type { TurnPart } from "../../policy/port.ts";
import { isImagePart } from "../../policy/prompts.ts";
import { type Tool, type ToolContext, ToolFault, type ToolFaultKind } from "./tool.ts";

export interface ToolLimits {
  /** What one call may take. */
  readonly timeLimitMs: number;
  /** Characters of an answer; a longer one is cut there, and says so. */
  readonly maxText: number;
  /** Pixels of a picture in an answer. */
  readonly maxPixels: number;
}

/** What came of a call: what the policy reads, and what was wrong with it, if anything. */
export interface ToolAnswer {
  readonly parts: readonly TurnPart[];
  readonly fault: ToolFaultKind | null;
}

/** Of answers that are kept, about. */
const keptBytes = 64 * 2 ** 20;

/** Runs calls of tools; the answers of pure ones are kept. */
export class ToolRunner {
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #limits: ToolLimits;
  readonly #kept = new ByteCache<readonly TurnPart[]>(keptBytes, bytesOf);

  constructor(tools: readonly Tool[], limits: ToolLimits) {
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.#limits = limits;
  }

  /** Runs a call, or says what is wrong with it. Rejects only where the context's signal aborts. */
  async answer(call: ToolCall, context: ToolContext): Promise<ToolAnswer> {
    try {
      return { parts: this.#cut(await this.#run(call, context)), fault: null };
    } catch (error) {
      context.signal.throwIfAborted();
      return faultAnswer(error);
    }
  }

  async #run(call: ToolCall, context: ToolContext): Promise<readonly TurnPart[]> {
    const tool = this.#tools.get(call.name);
    if (!tool) {
      const known = [...this.#tools.keys()].join(", ");
      throw new ToolFault(
        "unknownTool",
        `found no tool ${JSON.stringify(call.name)}, expected one of ${known}`,
      );
    }
    const given = tool.arguments.safeParse(call.arguments);
    if (!given.success) throw new ToolFault("wrongArguments", z.prettifyError(given.error));
    const ids = context.images.map(({ id }) => id);
    const key = tool.isPure ? JSON.stringify([call.name, given.data, ids]) : null;
    const known = key === null ? undefined : this.#kept.get(key);
    if (known) return known;
    const parts = await (tool.keepsTime
      ? tool.run(given.data, context)
      : this.#inTime(tool, given.data, context));
    this.#requirePixels(parts);
    if (key !== null) this.#kept.set(key, parts);
    return parts;
  }

  async #inTime(tool: Tool, given: unknown, context: ToolContext): Promise<readonly TurnPart[]> {
    const { timeLimitMs } = this.#limits;
    const limit = new AbortController();
    const signal = AbortSignal.any([context.signal, limit.signal]);
    const timer = setTimeout(() => limit.abort(), timeLimitMs);
    const end = new Promise<never>((_, reject) => {
      const late = () => reject(new ToolFault("timedOut", `it took more than ${timeLimitMs / 1000} s`));
      signal.addEventListener("abort", late, { once: true });
    });
    try {
      return await Promise.race([tool.run(given, { ...context, signal }), end]);
    } finally {
      clearTimeout(timer);
    }
  }

  #requirePixels(parts: readonly TurnPart[]): void {
    const { maxPixels } = this.#limits;
    for (const { width, height } of parts.filter(isImagePart)) {
      if (width * height <= maxPixels) continue;
      const found = `a picture of ${width}x${height} = ${width * height} pixels`;
      throw new ToolFault("tooLarge", `${found}, expected at most ${maxPixels} (tools.maxPixels)`);
    }
  }

  /** The parts, their text cut where it is too long. */
  #cut(parts: readonly TurnPart[]): TurnPart[] {
    let left = this.#limits.maxText;
    return parts.map((part) => {
      if (typeof part !== "string") return part;
      const kept = part.slice(0, Math.max(0, left));
      left -= part.length;
      return kept.length === part.length ? part : `${kept}… (cut after ${this.#limits.maxText} characters)`;
    });
  }
}

/** What the policy reads where a call went wrong. */
export function faultAnswer(error: unknown): ToolAnswer {
  const { kind, message } =
    error instanceof ToolFault
      ? error
      : new ToolFault("failed", error instanceof Error ? error.message : String(error));
  return { parts: [`error: ${kind}: ${message}`], fault: kind };
}

function bytesOf(parts: readonly TurnPart[]): number {
  return parts.reduce(
    (sum, part) => sum + (typeof part === "string" ? 2 * part.length : part.data.length),
    0,
  );
}
