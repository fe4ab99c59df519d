import { PyDict, PyList, PyTuple, type Value } from './values.js';
import type { Fail } from './zip.js';

/** Deeper than any checkpoint, and shallow enough for whoever walks through it. */
const MAX_DEPTH = 64;

const childrenOf = (value: Value): readonly Value[] => {
  if (value instanceof PyList || value instanceof PyTuple) return value.items;
  return value instanceof PyDict ? [...value.entries].flat() : [];
};

/**
 * Refuses containers that hold themselves and those that are nested too deep. Each container is looked at once, however
 * often it occurs: a file in which they double at every level takes no longer than its length.
 */
export function checkNesting(root: Value, fail: Fail): void {
  /** Levels below a container that is done; 0 while it is open. */
  const depths = new Map<Value, number>();
  const open: { value: Value; children: readonly Value[]; next: number; depth: number }[] = [];
  const enter = (value: Value) => {
    const children = childrenOf(value);
    depths.set(value, 0);
    open.push({ value, children, next: 0, depth: 1 });
    if (open.length > MAX_DEPTH) fail(`its containers are nested more than ${MAX_DEPTH} levels deep`);
  };
  const isContainer = (v: Value) => v instanceof PyList || v instanceof PyTuple || v instanceof PyDict;
  if (!isContainer(root)) return;
  enter(root);
  for (let frame = open.at(-1); frame; frame = open.at(-1)) {
    if (frame.next === frame.children.length) {
      depths.set(frame.value, frame.depth);
      open.pop();
      const above = open.at(-1);
      if (above) above.depth = Math.max(above.depth, frame.depth + 1);
      continue;
    }
    const child = frame.children[frame.next++]!;
    if (!isContainer(child)) continue;
    const depth = depths.get(child);
    if (depth === 0) fail('a container in it holds itself');
    if (depth === undefined) enter(child);
    else frame.depth = Math.max(frame.depth, depth + 1);
    if (open.length + (depth ?? 0) > MAX_DEPTH) fail(`its containers are nested more than ${MAX_DEPTH} levels deep`);
  }
}
