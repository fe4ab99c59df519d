/**
 * TensorBoard's event files: TFRecords (length, masked CRC-32C, data, masked CRC-32C) of `tensorflow.Event` messages in
 * protobuf's wire format. Only what scalars need: `wall_time` 1 (double), `step` 2 (int64), `file_version` 3 (string),
 * `summary` 5 { `value` 1 { `tag` 1 (string), `simple_value` 2 (float) } }, `session_log` 7 { `status` 1 (enum) }.
 */

/** One moment of a run. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** Numbers by tag: `loss/train`. Tags with the same text before the slash are shown as a group. */
  readonly scalars: Readonly<Record<string, number>>;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli) of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ crcTable[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

/** As TFRecords store it: rotated and shifted, so that a record of records does not check out by chance. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One TFRecord. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}

/** The first record of an event file. */
export const fileHeader = (wallTime: number): Uint8Array =>
  tfRecord(message([double(1, wallTime), text(3, 'brain.Event:2')]));

/**
 * Says that a run goes on here: TensorBoard drops what an earlier file holds from `step` on (steps that were done after
 * the last checkpoint and are done again).
 */
export const sessionStart = (wallTime: number, step: number): Uint8Array =>
  tfRecord(message([double(1, wallTime), int(2, step), nested(7, [int(1, 1)])]));

/** Scalars of one step. Numbers that are not finite are kept: TensorBoard marks them. */
export const scalarRecord = ({ wallTime, step, scalars }: ScalarEvent): Uint8Array =>
  tfRecord(
    message([
      double(1, wallTime),
      int(2, step),
      nested(
        5,
        Object.entries(scalars).map(([tag, value]) => nested(1, [text(1, tag), float(2, value)])),
      ),
    ]),
  );

// Protobuf: a field is the varint (number << 3 | wire type) and its value.
const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;
const FLOAT = 5;

function varint(value: number): number[] {
  const bytes: number[] = [];
  // Steps are below 2^53; bit operations would cut them to 32.
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

const message = (fields: readonly (readonly number[])[]): Uint8Array => Uint8Array.from(fields.flat());
const key = (field: number, wire: number) => (field << 3) | wire;
const int = (field: number, value: number) => [key(field, VARINT), ...varint(value)];
const bytes = (field: number, data: Iterable<number>) => {
  const all = [...data];
  return [key(field, BYTES), ...varint(all.length), ...all];
};
const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value));
const nested = (field: number, fields: readonly (readonly number[])[]) => bytes(field, fields.flat());
const double = (field: number, value: number) => [key(field, DOUBLE), ...new Uint8Array(Float64Array.of(value).buffer)];
const float = (field: number, value: number) => [key(field, FLOAT), ...new Uint8Array(Float32Array.of(value).buffer)];
