/** Images per second over about the last second. */
export class RateMeter {
  private readonly marks: { time: number; images: number }[] = [];
  private total = 0;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.marks.push({ time: now(), images: 0 });
  }

  /** Counts images that are done and gives the present rate. */
  add(images: number): number {
    this.total += images;
    const time = this.now();
    this.marks.push({ time, images: this.total });
    while (this.marks.length > 2 && time - this.marks[1]!.time >= 1000) this.marks.shift();
    const first = this.marks[0]!;
    return time > first.time ? ((this.total - first.images) * 1000) / (time - first.time) : 0;
  }

  /** Milliseconds up to now that were spent on something else. */
  leaveOut(ms: number): void {
    for (const mark of this.marks) mark.time += ms;
  }
}
