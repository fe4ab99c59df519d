import { allocate } from '../../tensor/dtype.js';
import { formatShape, type HostTensor, numel, type TensorType } from '../../tensor/shape.js';
import type { Store } from '../backend.js';
import type { Addon, StoreHandle } from './addon.js';

/** States on the engine's side. Names and types are mirrored here, so that asking for them costs nothing. */
export class NativeStore implements Store {
  private readonly types = new Map<string, TensorType>();
  disposed = false;

  constructor(
    private readonly addon: Addon,
    readonly handle: StoreHandle,
    private readonly onDispose: (s: NativeStore) => void,
  ) {}

  async set(name: string, value: HostTensor): Promise<void> {
    this.check();
    if (value.dtype === 'float64')
      throw new Error(
        `state "${name}" is float64, which the native engine does not offer: use float32, or the reference backend`,
      );
    if (value.data.length !== numel(value.shape))
      throw new Error(
        `state "${name}": ${value.data.length} values do not fill a tensor of shape ${formatShape(value.shape)}`,
      );
    const done = this.addon.storeSet(this.handle, name, { shape: value.shape, dtype: value.dtype }, value.data);
    this.types.set(name, { shape: [...value.shape], dtype: value.dtype });
    await done;
  }

  async get(name: string): Promise<HostTensor> {
    this.check();
    const type = this.types.get(name);
    if (!type) throw new Error(`the store has no state "${name}"`);
    const data = allocate(type.dtype, numel(type.shape));
    await this.addon.storeGet(this.handle, name, data);
    return { shape: type.shape, dtype: type.dtype, data };
  }

  has(name: string): boolean {
    return this.types.has(name);
  }

  entries(): ReadonlyMap<string, TensorType> {
    return this.types;
  }

  delete(name: string): void {
    this.check();
    if (this.types.delete(name)) this.addon.storeDelete(this.handle, name);
  }

  /** A queued run will create this state if it is not there. */
  note(name: string, type: TensorType): void {
    if (!this.types.has(name)) this.types.set(name, type);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.types.clear();
    this.addon.storeDispose(this.handle);
    this.onDispose(this);
  }

  private check(): void {
    if (this.disposed) throw new Error('this store was disposed');
  }
}
