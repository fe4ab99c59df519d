/** What the charts of a page have in common: the part of the time that is shown, and where the pointer is. */
export class View {
  private whole: readonly [number, number] = [0, 1];
  private part: readonly [number, number] | undefined;
  private pointer: number | undefined;
  private readonly listeners = new Set<(what: 'range' | 'pointer') => void>();

  /** Shown from here to there. */
  get range(): readonly [number, number] {
    return this.part ?? this.whole;
  }

  get zoomed(): boolean {
    return this.part !== undefined;
  }

  /** Time under the pointer. */
  get at(): number | undefined {
    return this.pointer;
  }

  listen(listener: (what: 'range' | 'pointer') => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** How far there is anything. A part that is looked at stays while more arrives. */
  setWhole(from: number, to: number): void {
    const next: [number, number] = [from, to > from ? to : from + 1];
    if (next[0] === this.whole[0] && next[1] === this.whole[1]) return;
    this.whole = next;
    this.tell('range');
  }

  /** Shows a part; all that there is if the part is as long as that. */
  show(from: number, to: number): void {
    const [low, high] = this.whole;
    const length = Math.max((high - low) / 2000, Math.min(to - from, high - low));
    const start = Math.max(low, Math.min(high - length, from + (to - from - length) / 2));
    this.part = length >= (high - low) * 0.999 ? undefined : [start, start + length];
    this.tell('range');
  }

  /** `factor` below 1 shows less, around `at`. */
  zoom(factor: number, at = (this.range[0] + this.range[1]) / 2): void {
    const [from, to] = this.range;
    this.show(at - (at - from) * factor, at + (to - at) * factor);
  }

  /** Moves by a share of what is shown. */
  pan(share: number): void {
    const [from, to] = this.range;
    const [low, high] = this.whole;
    const by = Math.max(low - from, Math.min(high - to, share * (to - from)));
    if (this.part && by !== 0) this.show(from + by, to + by);
  }

  reset(): void {
    this.part = undefined;
    this.tell('range');
  }

  point(at: number | undefined): void {
    if (at === this.pointer) return;
    this.pointer = at;
    this.tell('pointer');
  }

  private tell(what: 'range' | 'pointer'): void {
    for (const listener of this.listeners) listener(what);
  }
}
