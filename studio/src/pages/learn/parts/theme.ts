import { useSyncExternalStore } from 'react';
import { cssColour, type Theme } from '../../../lib/theme.js';

function subscribe(changed: () => void): () => void {
  addEventListener('themechange', changed);
  return () => removeEventListener('themechange', changed);
}

/** The theme on the screen; the component is drawn anew when it changes. */
export const useShownTheme = (): Theme =>
  useSyncExternalStore(subscribe, () => (document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light'));

/** Red, green and blue of a colour of the theme that is written as #rrggbb. */
export function rgbOf(name: string): [number, number, number] {
  const value = Number.parseInt(cssColour(name).slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
