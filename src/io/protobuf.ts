/**
 * Writing of protocol buffers' wire format, as much of it as ONNX and TensorBoard need: varints, floats, strings,
 * bytes and messages inside messages. https://protobuf.dev/programming-guides/encoding
 */

/** The encoded fields of a message, in pieces: large arrays are referred to and copied once, at the end. */
export class Message {
  private readonly pieces: Uint8Array[] = [];
  /** Bytes. */
  length = 0;

  /** A whole number (int32, int64, enum); left out where undefined. */
  int(field: number, value: number | bigint | undefined): this {
    if (value === undefined) return this;
    return this.tag(field, 0).push(varint(BigInt(value)));
  }

  /** Whole numbers in one packed field; left out where there are none. */
  ints(field: number, values: readonly number[] | undefined): this {
    if (!values || values.length === 0) return this;
    const packed = new Message();
    for (const v of values) packed.push(varint(BigInt(v)));
    return this.message(field, packed);
  }

  float(field: number, value: number | undefined): this {
    if (value === undefined) return this;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.tag(field, 5).push(bytes);
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this.tag(field, 1).push(bytes);
  }

  string(field: number, value: string | undefined): this {
    return value === undefined ? this : this.bytes(field, new TextEncoder().encode(value));
  }

  strings(field: number, values: readonly string[]): this {
    for (const value of values) this.string(field, value);
    return this;
  }

  /** The array must not change until `finish`. */
  bytes(field: number, value: Uint8Array): this {
    return this.tag(field, 2)
      .push(varint(BigInt(value.length)))
      .push(value);
  }

  message(field: number, value: Message | undefined): this {
    if (!value) return this;
    this.tag(field, 2).push(varint(BigInt(value.length)));
    for (const piece of value.pieces) this.push(piece);
    return this;
  }

  messages(field: number, values: Iterable<Message>): this {
    for (const value of values) this.message(field, value);
    return this;
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  private tag(field: number, wireType: number): this {
    return this.push(varint(BigInt((field << 3) | wireType)));
  }

  private push(bytes: Uint8Array): this {
    this.pieces.push(bytes);
    this.length += bytes.length;
    return this;
  }
}

/** Seven bits a byte, lowest first; negative numbers as 64 bits of two's complement. */
function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.from([...out, Number(rest)]);
    out.push(Number(rest & 127n) | 128);
  }
}
