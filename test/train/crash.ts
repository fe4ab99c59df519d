import { MemoryStorage } from '../../src/train/storage.js';

/**
 * A storage that loses power at its n-th operation: an atomic write may leave half a temporary file, an append half
 * a line. After that nothing works until `repair`.
 */
export class CrashStorage extends MemoryStorage {
  operations = 0;
  private dead = false;

  constructor(private crashAt: number) {
    super('crash');
  }

  /** Turns the power on again; the next failure comes after `crashAt` more operations. */
  repair(crashAt = Number.POSITIVE_INFINITY): void {
    this.dead = false;
    this.operations = 0;
    this.crashAt = crashAt;
  }

  private async operation(leave?: () => Promise<void>): Promise<void> {
    if (!this.dead && ++this.operations >= this.crashAt) {
      this.dead = true;
      await leave?.();
    }
    if (this.dead) throw new Error('the power went off');
  }

  override async writeAtomic(name: string, data: Uint8Array | string): Promise<void> {
    const half = data.slice(0, data.length / 2) as typeof data;
    const temporary = `${name}.1.tmp`;
    await this.operation();
    await this.operation(() => super.writeAtomic(temporary, half));
    await this.operation(() => super.writeAtomic(temporary, data));
    await super.writeAtomic(name, data);
    await this.operation();
  }
  override async append(name: string, text: string): Promise<void> {
    await this.operation();
    await this.operation(() => super.append(name, text.slice(0, text.length / 2)));
    await super.append(name, text);
    await this.operation();
  }
  override async remove(name: string): Promise<void> {
    await this.operation();
    await super.remove(name);
  }
}
