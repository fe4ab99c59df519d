import type { HttpProblem } from './problem.js';

interface Waiter {
  readonly amount: number;
  admit(): void;
}

/**
 * A limited amount of something (bytes, pixels) that requests share: who comes when it is used up waits, in order.
 * More than there is in all is admitted alone, so that nothing waits for ever.
 */
export class Gate {
  private used = 0;
  private readonly waiting: Waiter[] = [];

  private inside = 0;

  constructor(private readonly capacity: number) {}

  /** Runs `work` when there is room for `amount`. @throws the signal's reason if it aborts before */
  async hold<T>(amount: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    await this.enter(amount, signal);
    try {
      return await work();
    } finally {
      this.used -= amount;
      this.inside--;
      this.next();
    }
  }

  private fits(amount: number): boolean {
    return this.inside === 0 || this.used + amount <= this.capacity;
  }

  private enter(amount: number, signal: AbortSignal | undefined): Promise<void> | void {
    if (this.waiting.length === 0 && this.fits(amount)) return this.take(amount);
    return new Promise<void>((resolve, reject) => {
      const leave = () => {
        const at = this.waiting.indexOf(waiter);
        if (at < 0) return;
        this.waiting.splice(at, 1);
        reject(signal!.reason);
        // Those behind may be smaller.
        this.next();
      };
      const waiter: Waiter = {
        amount,
        admit: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.waiting.push(waiter);
    });
  }

  private take(amount: number): void {
    this.used += amount;
    this.inside++;
  }

  private next(): void {
    for (let first = this.waiting[0]; first && this.fits(first.amount); first = this.waiting[0]) {
      this.waiting.shift();
      this.take(first.amount);
      first.admit();
    }
  }
}

/** A limited amount of something (places, bytes) that requests share: who finds too little left is sent away. */
export class Quota {
  private taken = 0;

  constructor(
    readonly limit: number,
    /** What who is sent away is told. */
    private readonly refusal: () => HttpProblem,
  ) {}

  get used(): number {
    return this.taken;
  }

  /** @throws HttpProblem unless there is room for `amount` */
  check(amount = 1): void {
    if (this.taken + amount > this.limit) throw this.refusal();
  }

  /** @throws HttpProblem unless there is room for `amount` */
  take(amount = 1): void {
    this.check(amount);
    this.taken += amount;
  }

  give(amount = 1): void {
    this.taken -= amount;
  }
}
