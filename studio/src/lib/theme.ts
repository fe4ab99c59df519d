import { useCallback, useEffect, useState } from 'react';

export type Theme = 'light' | 'dark';

const KEY = 'fovea-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const chosen = (): Theme => (localStorage.getItem(KEY) as Theme | null) ?? (system.matches ? 'dark' : 'light');

document.documentElement.dataset.theme = chosen();

/** The colours in use, and a way to exchange them. Follows the system until one is chosen. */
export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState(chosen);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event('themechange'));
  }, [theme]);
  useEffect(() => {
    const follow = () => setTheme(chosen());
    system.addEventListener('change', follow);
    return () => system.removeEventListener('change', follow);
  }, []);
  const toggle = useCallback(() => {
    setTheme((t) => {
      const next = t === 'dark' ? 'light' : 'dark';
      localStorage.setItem(KEY, next);
      return next;
    });
  }, []);
  return [theme, toggle];
}

/** The value of a colour of the theme, for canvases: `cssColour('--train')`. Ask again after the window's `themechange`. */
export const cssColour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
