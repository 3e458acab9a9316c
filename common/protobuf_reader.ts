/** A field of a protobuf message: its number, and a varint, or the bytes of any other wire type. */
export interface ProtobufField {
  readonly field: number;
  readonly value: bigint | Uint8Array;
}

/** The fields of a protobuf message, in the order in which they were written. Throws a `RangeError` where it is none. */
export function* readFields(message: Uint8Array): Generator<ProtobufField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError(`a protobuf message ends, or goes wrong, in a number at byte ${at}`);
  };
  const bytes = (length: number): Uint8Array => {
    if (at + length > message.length)
      throw new RangeError(`a protobuf message has ${message.length} bytes; a field ends at ${at + length}`);
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = Number(varint());
    const field = key >>> 3;
    switch (key & 7) {
      case 0:
        yield { field, value: varint() };
        break;
      case 1:
        yield { field, value: bytes(8) };
        break;
      case 2:
        yield { field, value: bytes(Number(varint())) };
        break;
      case 5:
        yield { field, value: bytes(4) };
        break;
      default:
        throw new RangeError(`found wire type ${key & 7} in a protobuf message at byte ${at}`);
    }
  }
}
