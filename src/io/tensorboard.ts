import { crc32c } from './crc32.js';
import { Message } from './protobuf.js';

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

/** As TFRecords store it: rotated and shifted, so that a record of records does not check out by chance. */
function maskedCrc32c(bytes: Uint8Array): number {
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

const event = (wallTime: number): Message => new Message().double(1, wallTime);

/** The first record of an event file. */
export const fileHeader = (wallTime: number): Uint8Array =>
  tfRecord(event(wallTime).string(3, 'brain.Event:2').finish());

/**
 * Says that a run goes on here: TensorBoard drops what an earlier file holds from `step` on (steps that were done after
 * the last checkpoint and are done again).
 */
export const sessionStart = (wallTime: number, step: number): Uint8Array =>
  tfRecord(event(wallTime).int(2, step).message(7, new Message().int(1, 1)).finish());

/** Scalars of one step. Numbers that are not finite are kept: TensorBoard marks them. */
export function scalarRecord({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) => new Message().string(1, tag).float(2, value));
  return tfRecord(event(wallTime).int(2, step).message(5, new Message().messages(1, values)).finish());
}
