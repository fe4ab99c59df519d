import { useCallback, useEffect, useRef, useState } from 'react';
import { decode, type Picture, pixelsOf } from '../../lib/predict/index.js';

/** A picture to look at. */
export interface Given {
  readonly picture: Picture;
  readonly name: string;
  /** The file it came from: the server is sent the same bytes. */
  readonly file?: Blob;
  /** The right answer, of samples. */
  readonly label?: string | null;
  /** Number of the sample. */
  readonly sample?: number;
  /** Made with the pen. */
  readonly drawing?: boolean;
  /** A frame of the camera, another follows at once. */
  readonly frame?: boolean;
}

interface Handlers {
  given(given: Given): void;
  /** The next frame comes when it is done. */
  frame(given: Given): Promise<void>;
  problem(sentence: string | undefined): void;
}

export type CameraState = 'off' | 'asking' | 'on';

/** Pictures that are dropped on the page, pasted, chosen, or come from the camera. */
export function useSources(handlers: Handlers) {
  const latest = useRef(handlers);
  latest.current = handlers;
  const [over, setOver] = useState(false);
  const [camera, setCamera] = useState<CameraState>('off');
  /** Counts what is shown: a camera that is allowed after something else was chosen is not wanted any more. */
  const turn = useRef(0);
  const stream = useRef<MediaStream>(undefined);
  const frame = useRef<Picture>(undefined);

  const stop = useCallback(() => {
    turn.current++;
    for (const track of stream.current?.getTracks() ?? []) track.stop();
    stream.current = undefined;
    setCamera('off');
  }, []);

  const take = useCallback(
    async (file: Blob | undefined, name = 'the picture', more: Partial<Given> = {}) => {
      if (!file) return;
      stop();
      const mine = turn.current;
      try {
        latest.current.problem(undefined);
        const picture = await decode(file, name);
        if (mine === turn.current) latest.current.given({ picture, name, file, ...more });
      } catch (error) {
        latest.current.problem((error as Error).message);
      }
    },
    [stop],
  );

  useEffect(() => {
    const enter = (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) setOver(false);
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file) void take(file, file.name);
      else latest.current.problem('only a picture from this computer can be dropped here: save it first');
    };
    const paste = (event: ClipboardEvent) => {
      const file = event.clipboardData?.files[0];
      if (file) void take(file, file.name);
    };
    document.addEventListener('dragover', enter);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    document.addEventListener('paste', paste);
    return () => {
      document.removeEventListener('dragover', enter);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
      document.removeEventListener('paste', paste);
      stop();
    };
  }, [take, stop]);

  const watch = useCallback(async () => {
    const mine = ++turn.current;
    latest.current.problem(undefined);
    setCamera('asking');
    try {
      const found = await openCamera();
      if (turn.current !== mine) {
        for (const track of found.getTracks()) track.stop();
        return;
      }
      stream.current = found;
      const video = document.createElement('video');
      video.muted = true;
      video.playsInline = true;
      video.srcObject = found;
      await video.play();
      setCamera('on');
      while (turn.current === mine) {
        frame.current = pixelsOf(video, video.videoWidth, video.videoHeight);
        await latest.current.frame({ picture: frame.current, name: 'camera', frame: true });
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    } catch (error) {
      if (turn.current !== mine) return;
      stop();
      latest.current.problem((error as Error).message);
    }
  }, [stop]);

  /** Stays with what the camera shows now. */
  const keep = useCallback(() => {
    const picture = frame.current;
    stop();
    if (picture) latest.current.given({ picture, name: 'camera' });
  }, [stop]);

  return { over, camera, take, watch, keep, stop };
}

export type Sources = ReturnType<typeof useSources>;

async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices)
    throw new Error('the browser gives a camera only to pages of this machine or of https addresses');
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
  } catch (error) {
    const denied = (error as Error).name === 'NotAllowedError';
    throw new Error(
      denied ? 'the camera was not allowed: allow it for this page' : 'there is no camera that can be used',
    );
  }
}
