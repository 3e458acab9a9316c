import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataParallelPolicy } from "./data_parallel_policy.ts";
import type { LocalPolicyOptions } from "./local_policy.ts";
import type { Policy } from "./policy.ts";
import { ThreadedPolicy } from "./threaded_policy.ts";

export interface OpenPolicyOptions extends LocalPolicyOptions {
  /** Names the policy's threads, and the policy in error messages. */
  readonly name: string;
  /**
   * Copies of the policy that share out its work, its threads and its micro-batches' tokens. Null makes one for each
   * thread of a small model on the CPU, whose operators are too short for several threads, and one of any other.
   */
  readonly replicas: number | null;
}

/** Models whose weights take no more bytes than this are small. */
const smallModelBytes = 64 * 2 ** 20;

/** Opens a Hugging Face model folder in threads of its own; rejects as `LocalPolicy.open` does. */
export async function openPolicy(
  folder: string,
  { name, replicas, ...options }: OpenPolicyOptions,
): Promise<Policy> {
  const { device = "cpu", threads } = options;
  const small = device === "cpu" && (await weightBytes(folder)) <= smallModelBytes;
  const count = replicas ?? (small ? threads : 1);
  if (count === 1) return ThreadedPolicy.open(folder, { ...options, name });
  const share = (total: number): number => Math.max(1, Math.floor(total / count));
  const shared: LocalPolicyOptions = {
    ...options,
    threads: share(threads),
    microBatchTokens: share(options.microBatchTokens),
  };
  return DataParallelPolicy.open(
    Array.from({ length: count }, (_, i) =>
      ThreadedPolicy.open(folder, { ...shared, name: `${name}, replica ${i + 1}` }),
    ),
  );
}

/** Bytes of a folder's weights; 0 where there is nothing to read, which opening it will say better. */
async function weightBytes(folder: string): Promise<number> {
  const files = await readdir(folder).catch(() => []);
  const weights = files.filter((file) => file.endsWith(".safetensors"));
  const sizes = await Promise.all(weights.map((file) => bytesOf(join(folder, file))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function bytesOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
