import { comeBackLater } from '../problem.js';
import type { LiveEvent } from './api.js';
import type { Hub } from './hub.js';

/** Milliseconds between two signs of life: so that whoever is between does not close the connection. */
const HEARTBEAT = 15_000;
/** Events that a page may be behind; who reads slower connects anew and asks for everything. */
const BEHIND = 500;
/** Pages that listen at once. */
const PAGES = 100;

/** Streams of server-sent events, one for each page. */
export class LiveStreams {
  private readonly open = new Set<() => void>();

  constructor(private readonly hub: Hub) {}

  /** @throws HttpProblem 503 if too many listen */
  stream(): ReadableStream<Uint8Array> {
    if (this.open.size >= PAGES) throw comeBackLater(`${PAGES} pages listen already`, 10);
    const encoder = new TextEncoder();
    let end = () => {};
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          let leave: (() => void) | undefined;
          let ended = false;
          const send = (text: string) => {
            if (ended) return;
            controller.enqueue(encoder.encode(text));
            if ((controller.desiredSize ?? 0) < -BEHIND) end();
          };
          const heartbeat = setInterval(() => send(': alive\n\n'), HEARTBEAT);
          heartbeat.unref();
          end = () => {
            if (ended) return;
            ended = true;
            clearInterval(heartbeat);
            this.open.delete(end);
            leave?.();
            try {
              controller.close();
            } catch {
              // The page has closed it.
            }
          };
          this.open.add(end);
          send('retry: 1000\n\n');
          const listening = this.hub.listen((event: LiveEvent) => send(`data: ${JSON.stringify(event)}\n\n`));
          void listening.then((stop) => {
            leave = stop;
            if (ended) stop();
          });
        },
        cancel: () => end(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Ends all of them. */
  close(): void {
    for (const end of [...this.open]) end();
  }
}
