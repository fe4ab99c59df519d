import { lazy, type ReactNode, Suspense, useEffect } from 'react';
import type { About } from '../../src/server/studio/api.js';
import { takeToken, useGet } from './lib/api.js';
import { useConnected } from './lib/live.js';
import { href, usePlace } from './lib/router.js';
import { useTheme } from './lib/theme.js';
import { ChartIcon, GraphIcon, HandIcon, LearnIcon, Logo, PlayIcon, ThemeIcon } from './ui/icons.js';
import { Loading, Notice } from './ui/index.js';

takeToken();

/** Sections, each in a file of its own that is fetched when it is first opened. */
const SECTIONS: Readonly<Record<string, { title: string; icon: ReactNode; page: ReturnType<typeof lazy> }>> = {
  runs: { title: 'Runs', icon: <ChartIcon />, page: lazy(() => import('./pages/runs/index.js')) },
  start: { title: 'Start a run', icon: <PlayIcon />, page: lazy(() => import('./pages/start/index.js')) },
  networks: { title: 'Networks', icon: <GraphIcon />, page: lazy(() => import('./pages/networks/index.js')) },
  try: { title: 'Try it', icon: <HandIcon />, page: lazy(() => import('./pages/try/index.js')) },
  learn: { title: 'Learn', icon: <LearnIcon />, page: lazy(() => import('./pages/learn/index.js')) },
};

export function App() {
  const { parts } = usePlace();
  const about = useGet<About>('/api/about').data;
  const connected = useConnected();
  const [theme, toggleTheme] = useTheme();
  const name = SECTIONS[parts[0] ?? ''] ? parts[0]! : 'runs';
  const { title, page: Section } = SECTIONS[name]!;
  useEffect(() => {
    document.title = `${parts.slice(1).join(' / ') || title} · Fovea Studio`;
  }, [parts, title]);
  return (
    <div className="shell">
      <button type="button" className="hidden" onClick={skip}>
        Skip to the content
      </button>
      <aside className="side" aria-label="Fovea Studio">
        <a className="brand" href={href(['runs'])}>
          <Logo />
          Fovea
        </a>
        <nav aria-label="Sections">
          {Object.entries(SECTIONS).map(([key, section]) => (
            <a key={key} href={href([key])} aria-current={key === name ? 'page' : undefined}>
              {section.icon}
              {section.title}
            </a>
          ))}
        </nav>
        <footer>
          {about && (
            <>
              <div title="Where networks run">{about.device.description}</div>
              <div>
                {about.device.threads} thread{about.device.threads === 1 ? '' : 's'} · Fovea {about.version}
              </div>
            </>
          )}
          <button type="button" className="button quiet" style={{ marginLeft: -13 }} onClick={toggleTheme}>
            <ThemeIcon /> {theme === 'dark' ? 'Light' : 'Dark'}
          </button>
        </footer>
      </aside>
      <main className="main" id="content" tabIndex={-1} style={{ outline: 'none' }}>
        {!connected && <Notice kind="bad">The studio does not answer: is it still running in its terminal?</Notice>}
        <Suspense fallback={<Loading />}>
          <Section />
        </Suspense>
      </main>
    </div>
  );
}

function skip(): void {
  document.getElementById('content')?.focus();
}
