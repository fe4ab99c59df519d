import { call, setState } from './build.js';
import { isKnown, PyDict, PyGlobal, PyList, PyTuple, type Value } from './values.js';
import type { Fail } from './zip.js';

/** Marks a place on the stack. */
const MARK = Symbol('mark');
type Slot = Value | typeof MARK;

/** More than any file of weights has; each of them takes a byte or more of the file, but far more memory. */
const MAX_STACK = 1 << 16;
const MAX_OBJECTS = 1 << 20;
const MAX_STEPS = 1 << 22;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads one pickle (protocols 2 to 5, the operations that PyTorch writes) without running anything: a name that is not
 * one of tensors, storages and plain containers ends it. Memory is bounded by the length of the pickle, whatever it says.
 *
 * @param from where the pickle begins
 * @param load gives the value of a persistent id (PyTorch: a storage)
 * @param fail says in one sentence what is wrong, and throws
 * @returns the value, and where the pickle ends
 */
export function unpickle(
  bytes: Uint8Array,
  from: number,
  load: (id: Value) => Value,
  fail: Fail,
): { value: Value; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: Slot[] = [];
  const memo = new Map<number, Value>();
  let at = from;
  let objects = 0;

  const cut = (): never => fail('its pickle is cut short');
  const damaged = (what: string): never => fail(`its pickle is damaged: ${what}`);
  /** Steps over `length` bytes; gives where they begin. */
  const take = (length: number): number => {
    const begin = at;
    if (!(length <= bytes.length - at)) cut();
    at += length;
    return begin;
  };
  const takeLong = (): number => {
    const length = view.getBigUint64(take(8), true);
    return length > BigInt(bytes.length) ? cut() : Number(length);
  };
  const text = (length: number): string => {
    const begin = take(length);
    try {
      return UTF8.decode(bytes.subarray(begin, at));
    } catch {
      return damaged('a text in it is not UTF-8');
    }
  };
  /** What Python 2 wrote as a string of bytes; ours are names. */
  const latin = (length: number): string => {
    const begin = take(length);
    return length > 4096
      ? damaged(`it holds a string of ${length} bytes`)
      : String.fromCharCode(...bytes.subarray(begin, at));
  };
  const raw = (length: number): Uint8Array => {
    const begin = take(length);
    return container(bytes.subarray(begin, at));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0 || end - at > 256) damaged('a name in it has no end');
    return latin(end - at + 1).slice(0, -1);
  };
  const push = (value: Slot): void => {
    if (stack.length >= MAX_STACK) damaged(`more than ${MAX_STACK} values wait on its stack`);
    stack.push(value);
  };
  const container = <T extends Value>(made: T): T => {
    if (++objects > MAX_OBJECTS) damaged(`it holds more than ${MAX_OBJECTS} containers`);
    return made;
  };
  const pop = (): Value => {
    const value = stack.pop();
    if (value === undefined || value === MARK) return damaged('a value is missing');
    return value;
  };
  const top = (): Value => {
    const value = stack.at(-1);
    if (value === undefined || value === MARK) return damaged('a value is missing');
    return value;
  };
  const toMark = (): Value[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) return damaged('a mark is missing');
    const items = stack.splice(mark + 1) as Value[];
    stack.pop();
    return items;
  };
  const remember = (index: number): void => {
    memo.set(index, top());
  };
  const recall = (index: number): void => {
    const value = memo.get(index);
    push(value === undefined ? damaged(`it has no value number ${index}`) : value);
  };
  const tuple = (length: number): void => {
    const items: Value[] = [];
    for (let i = 0; i < length; i++) items.unshift(pop());
    push(container(new PyTuple(items)));
  };
  const addItems = (items: readonly Value[]): void => {
    const list = top();
    if (list instanceof PyList) for (const item of items) list.items.push(item);
    else damaged('it adds to something that is no list');
  };
  const setItems = (items: readonly Value[]): void => {
    const dict = top();
    if (dict instanceof PyDict && items.length % 2 === 0)
      for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i]!, items[i + 1]!);
    else damaged('it sets entries of something that is no dict');
  };
  const global = (module: string, name: string): PyGlobal => {
    const full = `${module}.${name}`;
    if (isKnown(full)) return container(new PyGlobal(full));
    return refuse(full, fail);
  };

  for (let steps = 0; ; steps++) {
    if (steps > MAX_STEPS) damaged(`it has more than ${MAX_STEPS} operations`);
    const op = bytes[take(1)]!;
    switch (op) {
      case 0x80: // PROTO
        if (bytes[take(1)]! > 5) fail(`its pickle has protocol ${bytes[at - 1]}, expected 2 to 5`);
        break;
      case 0x95: // FRAME
        take(8);
        break;
      case 0x2e: {
        // STOP
        const value = pop();
        if (stack.length > 0) damaged(`${stack.length} values are left over`);
        return { value, end: at };
      }
      case 0x28: // MARK
        push(MARK);
        break;
      case 0x30: // POP
        if (stack.pop() === undefined) damaged('a value is missing');
        break;
      case 0x31: // POP_MARK
        toMark();
        break;
      case 0x32: // DUP
        push(top());
        break;
      case 0x4e: // NONE
        push(null);
        break;
      case 0x88: // NEWTRUE
        push(true);
        break;
      case 0x89: // NEWFALSE
        push(false);
        break;
      case 0x4a: // BININT
        push(view.getInt32(take(4), true));
        break;
      case 0x4b: // BININT1
        push(bytes[take(1)]!);
        break;
      case 0x4d: // BININT2
        push(view.getUint16(take(2), true));
        break;
      case 0x8a: // LONG1
        push(whole(bytes, take(bytes[take(1)]!), at));
        break;
      case 0x8b: {
        // LONG4
        const length = view.getUint32(take(4), true);
        if (length > 256) damaged(`it holds a number of ${length} bytes`);
        push(whole(bytes, take(length), at));
        break;
      }
      case 0x47: // BINFLOAT
        push(view.getFloat64(take(8), false));
        break;
      case 0x58: // BINUNICODE
        push(text(view.getUint32(take(4), true)));
        break;
      case 0x8c: // SHORT_BINUNICODE
        push(text(bytes[take(1)]!));
        break;
      case 0x8d: // BINUNICODE8
        push(text(takeLong()));
        break;
      case 0x54: // BINSTRING
        push(latin(view.getUint32(take(4), true)));
        break;
      case 0x55: // SHORT_BINSTRING
        push(latin(bytes[take(1)]!));
        break;
      case 0x42: // BINBYTES
        push(raw(view.getUint32(take(4), true)));
        break;
      case 0x43: // SHORT_BINBYTES
        push(raw(bytes[take(1)]!));
        break;
      case 0x8e: // BINBYTES8
        push(raw(takeLong()));
        break;
      case 0x5d: // EMPTY_LIST
        push(container(new PyList()));
        break;
      case 0x61: {
        // APPEND
        const item = pop();
        addItems([item]);
        break;
      }
      case 0x65: // APPENDS
        addItems(toMark());
        break;
      case 0x6c: {
        // LIST
        const items = toMark();
        push(container(new PyList()));
        addItems(items);
        break;
      }
      case 0x29: // EMPTY_TUPLE
        push(container(new PyTuple([])));
        break;
      case 0x74: // TUPLE
        push(container(new PyTuple(toMark())));
        break;
      case 0x85: // TUPLE1
        tuple(1);
        break;
      case 0x86: // TUPLE2
        tuple(2);
        break;
      case 0x87: // TUPLE3
        tuple(3);
        break;
      case 0x7d: // EMPTY_DICT
        push(container(new PyDict()));
        break;
      case 0x64: {
        // DICT
        const items = toMark();
        push(container(new PyDict()));
        setItems(items);
        break;
      }
      case 0x73: {
        // SETITEM
        const value = pop();
        const key = pop();
        setItems([key, value]);
        break;
      }
      case 0x75: // SETITEMS
        setItems(toMark());
        break;
      case 0x68: // BINGET
        recall(bytes[take(1)]!);
        break;
      case 0x6a: // LONG_BINGET
        recall(view.getUint32(take(4), true));
        break;
      case 0x71: // BINPUT
        remember(bytes[take(1)]!);
        break;
      case 0x72: // LONG_BINPUT
        remember(view.getUint32(take(4), true));
        break;
      case 0x94: // MEMOIZE
        remember(memo.size);
        break;
      case 0x63: {
        // GLOBAL
        const module = line();
        push(global(module, line()));
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = pop();
        const module = pop();
        if (typeof name !== 'string' || typeof module !== 'string') return damaged('a name in it is no text');
        push(global(module, name));
        break;
      }
      case 0x52: {
        // REDUCE
        const args = pop();
        const callee = pop();
        if (!(callee instanceof PyGlobal) || !(args instanceof PyTuple))
          return damaged('it calls something that cannot be called');
        push(container(call(callee.name, args.items, fail)));
        break;
      }
      case 0x62: {
        // BUILD
        const state = pop();
        setState(top(), state, fail);
        break;
      }
      case 0x51: // BINPERSID
        push(container(load(pop())));
        break;
      default:
        return damaged(
          `byte ${at - 1} is the operation 0x${op.toString(16).padStart(2, '0')}, which no file of weights needs`,
        );
    }
  }
}

/** Refuses a name. */
function refuse(name: string, fail: Fail): never {
  const shown = name.replace(/[^\w.<>-]/g, '?').slice(0, 100);
  return fail(
    `it asks for ${shown}, and only tensors and plain containers are read (nothing of it was run); if you trust it, ` +
      'load it in PyTorch and save model.state_dict() alone',
  );
}

/** A little-endian two's complement integer of any length: a number where that is exact. */
function whole(bytes: Uint8Array, begin: number, end: number): number | bigint {
  if (begin === end) return 0;
  let value = 0n;
  for (let i = end - 1; i >= begin; i--) value = (value << 8n) | BigInt(bytes[i]!);
  value = BigInt.asIntN(8 * (end - begin), value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
