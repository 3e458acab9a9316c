/** Bytes before the first block, apart from the colour table. */
const headerBytes = 13;
const imageBlock = 0x2c;
const extensionBlock = 0x21;

/** Whether a GIF ends within a block, where decoders leave its last frames out (GIF89a, sections 15 to 27). */
export function isCutGif(file: Uint8Array): boolean {
  let at = headerBytes + tableBytes(file[10]);
  while (at < file.length) {
    const kind = file[at];
    if (kind === imageBlock) at += 11 + tableBytes(file[at + 9]);
    else if (kind === extensionBlock) at += 2;
    else return false;
    while (at < file.length && file[at] !== 0) at += 1 + (file[at] as number);
    at++;
  }
  return at > file.length;
}

/** Of the colour table that flags announce. */
function tableBytes(flags = 0): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}
