import type { ReactNode } from 'react';

/** Line drawings of 24 by 24; they say nothing that the text beside them does not. */
const icon = (content: ReactNode) => () => (
  <svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.8"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    {content}
  </svg>
);

export const ChartIcon = icon(<path d="M3.5 4v15.5h17M7 15l4-5 3.5 3L20 6.5" />);
export const PlayIcon = icon(<path d="M7.5 5v14l11-7z" />);
export const StopIcon = icon(<rect x="6" y="6" width="12" height="12" rx="1.5" />);
export const GraphIcon = icon(
  <>
    <rect x="3" y="9" width="6" height="6" rx="1.5" />
    <rect x="15" y="3" width="6" height="6" rx="1.5" />
    <rect x="15" y="15" width="6" height="6" rx="1.5" />
    <path d="M9 12h3m0 0V6h3m-3 6v6h3" />
  </>,
);
export const HandIcon = icon(
  <>
    <path d="M4 17.5 6 12 16.5 2.5a2.1 2.1 0 0 1 3 3L9 15.5z" />
    <path d="M4 21h16" />
  </>,
);
export const LearnIcon = icon(
  <path d="M12 6.5C10 5 7 4.5 3.5 4.7v13.8c3.5-.2 6.500.3 8.5 1.800 2-1.500 5-2 8.500-1.800V4.700C17 4.500 14 5 12 6.500zm0 0v13.800" />,
);
export const ThemeIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path d="M12 3.500v17a8.500 8.500 0 0 0 0-17z" fill="currentColor" />
  </>,
);
export const Logo = () => (
  <svg viewBox="0 0 44 44" aria-hidden="true">
    <path
      d="M2 22C8 11 15 7 22 7s14 4 20 15c-6 11-13 15-20 15S8 33 2 22z"
      fill="none"
      stroke="var(--train)"
      strokeWidth="3"
      strokeLinejoin="round"
    />
    <circle cx="22" cy="22" r="9" fill="none" stroke="var(--ink)" strokeWidth="3" />
    <circle cx="22" cy="22" r="3" fill="var(--valid)" />
  </svg>
);
