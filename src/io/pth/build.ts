import { CALLABLE, PyDict, PyList, PyStorage, PyTensor, PyTuple, type Value } from './values.js';
import type { Fail } from './zip.js';

const isSize = (v: Value | undefined): v is number => Number.isSafeInteger(v) && (v as number) >= 0;

/** What a call of one of the known functions gives. Nothing is called: tensors and containers are described. */
export function call(name: string, args: readonly Value[], fail: Fail): Value {
  switch (name) {
    case 'collections.OrderedDict':
      return orderedDict(args, fail);
    case 'torch._utils._rebuild_tensor':
    case 'torch._utils._rebuild_tensor_v2':
      return tensor(args, fail);
    case 'torch._utils._rebuild_parameter':
      if (args[0] instanceof PyTensor) return args[0];
      return fail('a parameter in it has no tensor');
    case 'torch.Size':
      if (args.length === 1 && args[0] instanceof PyTuple && args[0].items.every(isSize)) return args[0];
      return fail('a torch.Size in it is no list of sizes');
    case 'torch.device':
      if (args.every((v) => typeof v === 'string' || isSize(v))) return args.join(':');
      return fail('a torch.device in it has no name');
    default:
      return fail(`it calls ${name}, which is not one of ${[...CALLABLE].join(', ')}`);
  }
}

/** Attributes that Python would set on an object: an OrderedDict's (`_metadata`) are left out, others do not occur. */
export function setState(object: Value, state: Value, fail: Fail): void {
  if (!(object instanceof PyDict) || !(state instanceof PyDict))
    fail('it sets attributes of something that is no dict');
}

function orderedDict(args: readonly Value[], fail: Fail): PyDict {
  const dict = new PyDict();
  if (args.length === 0) return dict;
  // Python 2 wrote a list of pairs.
  const [pairs] = args;
  const bad = (): never => fail('an OrderedDict in it is no list of pairs');
  if (args.length > 1 || !(pairs instanceof PyList)) return bad();
  for (const pair of pairs.items) {
    if (!((pair instanceof PyList || pair instanceof PyTuple) && pair.items.length === 2)) return bad();
    dict.entries.set(pair.items[0]!, pair.items[1]!);
  }
  return dict;
}

/** `_rebuild_tensor(storage, storage_offset, size, stride, ...)`: what comes after is about gradients and hooks. */
function tensor([storage, offset, size, stride]: readonly Value[], fail: Fail): PyTensor {
  if (!(storage instanceof PyStorage)) return fail('a tensor in it has no storage');
  const sizes = size instanceof PyTuple && size.items.every(isSize) ? (size.items as readonly number[]) : undefined;
  const strides =
    stride instanceof PyTuple && stride.items.every(isSize) ? (stride.items as readonly number[]) : undefined;
  if (!isSize(offset) || !sizes || !strides || sizes.length !== strides.length || sizes.length > 64)
    return fail('a tensor in it has a shape, strides or an offset that are no whole numbers');
  return new PyTensor(storage, offset, sizes, strides, fail);
}
