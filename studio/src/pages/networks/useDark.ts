import { useSyncExternalStore } from 'react';

const subscribe = (changed: () => void): (() => void) => {
  addEventListener('themechange', changed);
  return () => removeEventListener('themechange', changed);
};
const read = (): boolean => document.documentElement.dataset.theme === 'dark';

/** Whether the page is dark, for colours that are computed. */
export const useDark = (): boolean => useSyncExternalStore(subscribe, read);
