/** Numbers of errors, as WASI has them. */
export const errors = {
  EBADF: 8,
  EINVAL: 28,
  ENAMETOOLONG: 37,
  ENOSPC: 51,
  ENOSYS: 52,
  EROFS: 69,
} as const;

/** Refuses as the system would. */
export class Refused extends Error {
  readonly errno: number;

  constructor(name: keyof typeof errors) {
    super(name);
    this.errno = errors[name];
  }
}

/** What a call came to, or minus its error. */
export function attempt(call: () => unknown): number {
  try {
    const result = call();
    return typeof result === "number" ? result : 0;
  } catch (error) {
    const { errno } = error as { readonly errno?: unknown };
    if (typeof errno === "number") return -errno;
    throw error;
  }
}

/** A file or folder as Emscripten holds it. */
export interface Node {
  readonly id: number;
  readonly name: string;
  readonly mode: number;
  readonly parent: Node;
  atime: number;
  mtime: number;
  ctime: number;
  contents: Int8Array | Uint8Array | Record<string, Node>;
  usedBytes: number;
}

interface Stream {
  readonly fd: number;
  readonly node: Node;
  readonly flags: number;
  readonly position: number;
  readonly path: string;
}

/** What is used of Emscripten's file system in memory. */
export interface FileSystem {
  readonly streams: readonly (Stream | null)[];
  nextInode: number;
  cwd(): string;
  chdir(path: string): void;
  lookupPath(path: string, options: { readonly parent?: boolean }): { readonly node: Node };
  destroyNode(node: Node): void;
  mkdir(path: string): Node;
  mknod(path: string, mode: number, device: number): Node;
  open(path: string, flags: number, mode: number): Stream;
  close(stream: Stream): void;
  dupStream(stream: Stream): Stream;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  rmdir(path: string): void;
  truncate(path: string, length: number): void;
  ftruncate(file: number, length: number): void;
  utime(path: string, read: number, written: number): void;
}
