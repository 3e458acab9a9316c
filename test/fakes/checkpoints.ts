import type { SavedRun } from "../../arena/arena.ts";
import type { Checkpoints, Policies } from "../../arena/ports.ts";

/** Keeps every state, with the policies' versions. */
export class MemoryCheckpoints implements Checkpoints {
  readonly saved: SavedRun[] = [];

  async save(state: SavedRun["state"], policies: Policies): Promise<{ id: string; bytes: number }> {
    const id = `${this.saved.length}`;
    const folders = { questioner: `${id}/questioner`, reasoner: `${id}/reasoner` };
    await policies.questioner?.saveState(folders.questioner);
    await policies.reasoner.saveState(folders.reasoner);
    this.saved.push({ id, state: JSON.parse(JSON.stringify(state)), folders });
    return { id, bytes: 1 };
  }
}
