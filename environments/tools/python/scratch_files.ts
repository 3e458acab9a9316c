import { textAt, timeAt } from "./c_values.ts";
import { attempt, errors, type FileSystem, type Node, Refused } from "./emscripten_files.ts";

/** A file or folder of a trajectory's own, as it is kept from one call to the next. */
export interface ScratchEntry {
  readonly path: string;
  /** Null for a folder. */
  readonly bytes: Uint8Array | null;
  readonly inode: number;
  readonly times: Times;
}

/** All of them; parents stand before what is in them, the folder of all first. */
export interface ScratchState {
  readonly entries: readonly ScratchEntry[];
  /** The number of the next one that is made. */
  readonly nextInode: number;
}

/** Last read, changed, and changed in its name or otherwise: milliseconds since 1970. */
type Times = readonly [read: number, written: number, changed: number];

/** Where they lie. */
const FOLDER = "/tmp";

/** Of Linux: the folder that paths count from, AT_REMOVEDIR, O_APPEND, and the mode of a file that anybody may change. */
const AT_CWD = -100;
const REMOVES_FOLDER = 0o1000;
const APPENDS = 0o2000;
const FILE = 0o100666;
/** Commands of `fcntl`: to have another descriptor, to read flags, and what only matters where there are other processes. */
const duplicates: readonly number[] = [0, 1030];
const READS_FLAGS = 3;
const ofProcesses: readonly number[] = [1, 2, 13, 14];

export interface ScratchLimits {
  /** Of all files together. */
  readonly maxBytes: number;
  /** Files and folders. */
  readonly maxEntries: number;
}

/**
 * Files that Python may write: below one folder, in which it begins, and in memory; so many, and so large. They live in
 * Emscripten's file system, outside of Python's own memory, so that they are taken out and put back with that.
 *
 * Paths are read here, once, and it is looked which folder they lead to, so that whatever stands in them nothing else can be
 * changed by them.
 */
export class ScratchFiles {
  readonly #fs: FileSystem;
  readonly #memory: () => Uint8Array;
  readonly #limits: ScratchLimits;
  readonly #folder: Node;
  readonly #empty: ScratchState;

  constructor(fs: FileSystem, memory: () => Uint8Array, limits: ScratchLimits) {
    this.#fs = fs;
    this.#memory = memory;
    this.#limits = limits;
    this.#folder = fs.lookupPath(FOLDER, {}).node;
    fs.chdir(FOLDER);
    this.#empty = this.state();
  }

  /** Puts files in the place of those that there are; by default there are none. */
  restore({ entries, nextInode }: ScratchState = this.#empty): void {
    const fs = this.#fs;
    for (const node of this.#nodes()) fs.destroyNode(node);
    this.#folder.contents = {};
    for (const { path, bytes, inode } of entries) {
      if (path === FOLDER) continue;
      fs.nextInode = inode;
      const node = bytes ? fs.mknod(path, FILE, 0) : fs.mkdir(path);
      if (bytes) Object.assign(node, { contents: bytes.slice(), usedBytes: bytes.length });
    }
    // Once all is there, for whatever comes into a folder changes that, too.
    for (const { path, times } of entries) {
      const [atime, mtime, ctime] = times;
      Object.assign(fs.lookupPath(path, {}).node, { atime, mtime, ctime });
    }
    fs.nextInode = nextInode;
  }

  /** The files as they are now. */
  state(): ScratchState {
    return { entries: [...entriesOf(this.#folder, FOLDER)], nextInode: this.#fs.nextInode };
  }

  /** Closes what is open but the three streams. */
  closeAll(): void {
    for (const stream of this.#fs.streams.slice(3)) if (stream) this.#fs.close(stream);
  }

  /** Linux's `openat` for writing: the descriptor, or minus an error. */
  open(folder: number, path: number, flags: number): number {
    return attempt(() => {
      const place = this.#writable(folder, path);
      this.#requireRoom(0, 1);
      return this.#fs.open(place, flags, FILE).fd;
    });
  }

  /** Whether so many bytes can be written to a descriptor, at a place or where it stands: 0, or an error. */
  refusal(file: number, length: number, place?: number): number {
    const stream = this.#fs.streams[file];
    if (file < 3 || !stream) return errors.EBADF;
    const { node, flags, position } = stream;
    const start = place ?? ((flags & APPENDS) === 0 ? position : node.usedBytes);
    return -attempt(() => this.#requireRoom(start + length - (node.usedBytes ?? 0), 0));
  }

  /** What else of the system's calls can change files, by its name: 0, or minus an error. */
  readonly calls: Readonly<Record<string, (...args: never) => number>> = {
    __syscall_unlinkat: (folder: number, path: number, flags: number) =>
      attempt(() => {
        const place = this.#writable(folder, path);
        if (flags === REMOVES_FOLDER) this.#fs.rmdir(place);
        else this.#fs.unlink(place);
      }),
    __syscall_rmdir: (path: number) => attempt(() => this.#fs.rmdir(this.#writable(AT_CWD, path))),
    __syscall_mkdirat: (folder: number, path: number) =>
      attempt(() => {
        const place = this.#writable(folder, path);
        this.#requireRoom(0, 1);
        this.#fs.mkdir(place);
      }),
    __syscall_renameat: (folder: number, path: number, newFolder: number, newPath: number) =>
      attempt(() => this.#fs.rename(this.#writable(folder, path), this.#writable(newFolder, newPath))),
    __syscall_truncate64: (path: number, length: bigint) =>
      attempt(() => {
        const place = this.#writable(AT_CWD, path);
        this.#requireRoom(Number(length) - (this.#fs.lookupPath(place, {}).node.usedBytes ?? 0), 0);
        this.#fs.truncate(place, Number(length));
      }),
    __syscall_ftruncate64: (file: number, length: bigint) =>
      attempt(() => {
        const error = this.refusal(file, Number(length), 0);
        if (error > 0) return -error;
        this.#fs.ftruncate(file, Number(length));
        return 0;
      }),
    __syscall_fcntl64: (file: number, command: number) =>
      attempt(() => {
        const stream = this.#fs.streams[file];
        if (!stream) throw new Refused("EBADF");
        if (duplicates.includes(command)) return this.#fs.dupStream(stream).fd;
        if (command === READS_FLAGS) return stream.flags;
        // Flags that say what may be done with a file stay as they are.
        if (!ofProcesses.includes(command)) throw new Refused("EINVAL");
        return 0;
      }),
    __syscall_utimensat: (folder: number, path: number, times: number) =>
      attempt(() => {
        const place = this.#writable(folder, path);
        const { atime, mtime } = this.#fs.lookupPath(place, {}).node;
        this.#fs.utime(
          place,
          timeAt(this.#memory(), times, atime),
          timeAt(this.#memory(), times && times + 16, mtime),
        );
      }),
    // Nobody needs a permission.
    __syscall_chmod: (path: number) => attempt(() => void this.#existing(AT_CWD, path)),
    __syscall_fchmodat2: (folder: number, path: number) => attempt(() => void this.#existing(folder, path)),
    __syscall_fdatasync: () => 0,
    fd_sync: () => 0,
  };

  /** All below the folder, folders before what is in them. */
  #nodes(): Node[] {
    const nodes = [this.#folder];
    for (const { contents } of nodes)
      if (contents && !ArrayBuffer.isView(contents)) nodes.push(...Object.values(contents));
    return nodes.slice(1);
  }

  #holds(node: Node): boolean {
    for (let each = node; ; each = each.parent) {
      if (each === this.#folder) return true;
      if (each === each.parent) return false;
    }
  }

  /** A path as Python wrote it. Throws "EROFS" unless what it names is, or would be, below the folder. */
  #writable(folder: number, path: number): string {
    const text = textAt(this.#memory(), path);
    const base = folder === AT_CWD ? this.#fs.cwd() : this.#fs.streams[folder]?.path;
    if (base === undefined) throw new Refused("EBADF");
    const place = text.startsWith("/") ? text : `${base}/${text}`;
    const { node } = this.#fs.lookupPath(place, { parent: true });
    if (!this.#holds(node)) throw new Refused("EROFS");
    // Emscripten has what is in a folder by its name in an object.
    if (/(^|\/)(__proto__|\.\.?)\/*$/.test(place)) throw new Refused("EINVAL");
    return place;
  }

  #existing(folder: number, path: number): Node {
    return this.#fs.lookupPath(this.#writable(folder, path), {}).node;
  }

  /** Throws "ENOSPC" where files would have too many bytes, or be too many; what has no name any more counts while it is open. */
  #requireRoom(bytes: number, entries: number): void {
    if (!(bytes > 0) && entries === 0) return;
    const open = this.#fs.streams.flatMap((stream) =>
      stream && this.#holds(stream.node) ? stream.node : [],
    );
    const nodes = new Set([...this.#nodes(), ...open]);
    let total = bytes;
    for (const { usedBytes } of nodes) total += usedBytes ?? 0;
    const { maxBytes, maxEntries } = this.#limits;
    if (total > maxBytes || nodes.size + entries > maxEntries) throw new Refused("ENOSPC");
  }
}

/** A file or folder, and all that is in it, in the order in which it is listed. */
function* entriesOf(node: Node, path: string): Generator<ScratchEntry> {
  const { id: inode, atime, mtime, ctime, contents, usedBytes } = node;
  const times = [atime, mtime, ctime] as const;
  if (ArrayBuffer.isView(contents)) {
    yield { path, bytes: Uint8Array.from(contents.subarray(0, usedBytes)), inode, times };
    return;
  }
  yield { path, bytes: null, inode, times };
  for (const each of Object.values(contents)) yield* entriesOf(each, `${path}/${each.name}`);
}
