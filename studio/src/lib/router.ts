import { useSyncExternalStore } from 'react';

/** Where the page is: `#/runs/lenet?tab=curves` is `['runs', 'lenet']` with `tab`. */
export interface Place {
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const read = (): string => location.hash.slice(1) || '/runs';

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

/** The present place; the component is drawn anew when it changes. */
export function usePlace(): Place {
  const hash = useSyncExternalStore(subscribe, read);
  const [path = '', query = ''] = hash.split('?', 2);
  return { parts: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

/** Address of a place, for links: `href(['runs', id], { tab: 'curves' })`. */
export function href(parts: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${search ? `?${search}` : ''}`;
}

/** Goes there. `replace` leaves no entry in the history: for sliders and other settings. */
export function go(parts: readonly string[], query: Readonly<Record<string, string>> = {}, replace = false): void {
  const to = href(parts, query);
  if (!replace) location.hash = to;
  else {
    history.replaceState(null, '', to);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}
