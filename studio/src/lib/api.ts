import { useCallback, useEffect, useState } from 'react';

/** What the server said to be wrong, in one sentence. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The field of a form that it is about. */
    readonly field?: string,
  ) {
    super(message);
  }
}

/** The token that the address was opened with (`#token=...`), kept for this tab. */
const TOKEN = 'fovea-token';
export function takeToken(): void {
  const given = /[#&?]token=([\w-]+)/.exec(location.hash)?.[1];
  if (given === undefined) return;
  sessionStorage.setItem(TOKEN, given);
  history.replaceState(null, '', '#/runs');
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const token = sessionStorage.getItem(TOKEN);
  const headers = new Headers(init.headers);
  if (token) headers.set('X-Fovea-Token', token);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new ApiError(0, 'the studio cannot be reached: is it still running in its terminal?');
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => undefined);
  const { error, field } = (said ?? {}) as { error?: string; field?: string };
  throw new ApiError(response.status, error ?? response.statusText, field);
}

/** Asks for JSON. @throws ApiError */
export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (await request(path, { signal: signal ?? null })).json() as Promise<T>;

/** Asks for bytes. @throws ApiError */
export const getBytes = async (path: string): Promise<ArrayBuffer> => (await request(path)).arrayBuffer();

/** Sends JSON. @throws ApiError */
export const post = async <T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> =>
  (
    await request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: signal ?? null,
    })
  ).json() as Promise<T>;

/** Sends an image file. @throws ApiError */
export const postImage = (path: string, image: Blob, signal?: AbortSignal): Promise<Response> =>
  request(path, {
    method: 'POST',
    headers: { 'Content-Type': image.type || 'application/octet-stream' },
    body: image,
    signal: signal ?? null,
  });

/** `/api/runs/...` of a run. */
export const runPath = (id: string, rest = ''): string => `/api/runs/${encodeURIComponent(id)}${rest}`;

/** What a component asked for, as far as it has come. */
export interface Asked<T> {
  readonly data?: T;
  readonly error?: string;
  readonly loading: boolean;
  /** Asks again; what is shown stays until the answer is there. */
  reload(): void;
}

/** Asks for JSON when the component appears and whenever `path` changes; `undefined` asks for nothing. */
export function useGet<T>(path: string | undefined): Asked<T> {
  const [state, setState] = useState<{ path?: string | undefined; data?: T; error?: string }>({});
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn asks again
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    get<T>(path, abort.signal).then(
      (data) => setState({ path, data }),
      (error: Error) => {
        if (!abort.signal.aborted) setState({ path, error: error.message });
      },
    );
    return () => abort.abort();
  }, [path, turn]);
  const reload = useCallback(() => setTurn((t) => t + 1), []);
  const current = state.path === path ? state : {};
  return {
    ...(current.data === undefined ? {} : { data: current.data }),
    ...(current.error === undefined ? {} : { error: current.error }),
    loading: path !== undefined && current.data === undefined && current.error === undefined,
    reload,
  };
}
