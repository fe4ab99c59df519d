/// <reference lib="dom" />
import { decode, h, pixelsOf } from './dom.js';
import type { Picture } from './pixels.js';

/** Where pictures come from: files dropped, chosen or pasted, and the camera. */
export interface Stage {
  /** Buttons. */
  readonly tools: HTMLElement;
  /** Turns the camera off. */
  stop(): void;
}

export interface StageHandlers {
  /** A picture was given. */
  picture(picture: Picture, name: string): Promise<void>;
  /** A frame of the camera; the next one comes when it is done. */
  frame(picture: Picture): Promise<void>;
  /** Something cannot be done: one sentence, or undefined when that is over. */
  problem(sentence: string | undefined): void;
}

export function createStage(drop: HTMLElement, handlers: StageHandlers): Stage {
  const file = h('input', { type: 'file', accept: 'image/*', class: 'away', id: 'file' });
  const choose = h('label', { for: 'file', class: 'button main' }, 'Choose a picture');
  const camera = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Use the camera');
  let stream: MediaStream | undefined;
  /** Counts what is shown: a camera that is allowed only after something else was chosen is not wanted any more. */
  let turn = 0;

  const stop = () => {
    turn++;
    end(stream);
    stream = undefined;
    camera.disabled = false;
    camera.textContent = 'Use the camera';
    camera.setAttribute('aria-pressed', 'false');
  };
  const problem = (error: unknown) => handlers.problem(error instanceof Error ? error.message : String(error));
  const take = async (given: File | undefined) => {
    if (!given) return;
    stop();
    try {
      handlers.problem(undefined);
      await handlers.picture(await decode(given, given.name || 'the picture'), given.name);
    } catch (error) {
      problem(error);
    }
  };
  file.addEventListener('change', async () => {
    await take(file.files?.[0]);
    // The same file can be chosen again.
    file.value = '';
  });

  const over = (event: DragEvent) => {
    event.preventDefault();
    drop.classList.add('over');
  };
  document.addEventListener('dragover', over);
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) drop.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    const given = event.dataTransfer?.files[0];
    if (given) void take(given);
    else handlers.problem('only a picture from this computer can be dropped here: save it first');
  });
  document.addEventListener('paste', (event) => void take(event.clipboardData?.files[0]));

  const watch = async (mine: number) => {
    if (!navigator.mediaDevices) throw new Error('this browser gives the page no camera');
    const video = h('video', { playsinline: true, muted: true });
    let found: MediaStream;
    camera.disabled = true;
    try {
      found = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
    } catch (error) {
      const denied = (error as Error).name === 'NotAllowedError';
      throw new Error(
        denied ? 'the camera was not allowed: allow it for this page' : 'there is no camera that can be used',
      );
    }
    if (turn !== mine) return end(found);
    stream = found;
    camera.disabled = false;
    camera.textContent = 'Stop the camera';
    camera.setAttribute('aria-pressed', 'true');
    video.srcObject = found;
    await video.play();
    while (turn === mine) {
      await handlers.frame(pixelsOf(video, video.videoWidth, video.videoHeight));
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  };
  camera.addEventListener('click', () => {
    if (stream) return stop();
    handlers.problem(undefined);
    const mine = ++turn;
    watch(mine).catch((error) => {
      if (turn !== mine) return;
      stop();
      problem(error);
    });
  });
  return { tools: h('div', { class: 'tools' }, file, choose, camera), stop };
}

function end(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
