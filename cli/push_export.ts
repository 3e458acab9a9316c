import { VisplayError } from "../common/errors.ts";
import type { HubTarget } from "../hub/push.ts";
import { count, plural } from "./format.ts";
import type { Opening } from "./run_images.ts";

/** Makes sure that an export can be uploaded, before it is made. Throws "data" where it cannot. */
export async function requirePush(target: HubTarget, { show, signal }: Opening): Promise<void> {
  show(`asking the hub for ${target.repo}`);
  const { requireTarget } = await import("../hub/push.ts");
  await requireTarget(target, signal);
}

/** Uploads an export; says where it is. Throws "data" where that fails: then the folder stays as it is. */
export async function pushExport(
  folder: string,
  target: HubTarget,
  { show, say, signal }: Opening,
): Promise<void> {
  const { pushFolder } = await import("../hub/push.ts");
  const onProgress = (done: number, files: number): void =>
    show(`uploading to ${target.repo}: ${count(done)} of ${plural(files, "file")}`);
  try {
    const address = await pushFolder(folder, target, onProgress, signal);
    say(`${address} (${target.isPublic ? "public" : "private"})`);
  } catch (cause) {
    if (!(cause instanceof VisplayError)) throw cause;
    const again = `\`hf upload ${target.repo} ${folder} --repo-type dataset\` uploads it later`;
    throw new VisplayError(cause.code, `${cause.message}; ${folder} is whole, ${again}`, { cause });
  }
}
