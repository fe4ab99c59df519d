import { lazy, Suspense, useState } from 'react';
import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { go, href } from '../../../lib/router.js';
import { Empty, Loading, Notice, Page, Segmented } from '../../../ui/index.js';
import { StateBadge } from '../bits.js';
import { useRunData } from '../data/use.js';
import { capital, subject } from '../words.js';
import { Actions } from './actions.js';
import { CurvesTab } from './curves.js';
import { Figures } from './figures.js';
import { NowCard } from './now.js';
import { NotesCard, SettingsTab } from './settings.js';
import './one.css';

const MasksTab = lazy(() => import('./film.js'));
const CasesTab = lazy(() => import('./cases.js'));
const ClassesTab = lazy(() => import('./classes.js'));

type Tab = 'curves' | 'masks' | 'cases' | 'classes' | 'notes' | 'settings';

/** What there is to look at of a run. */
function tabs({ sheets, pictures, confusion, notes }: RunDetail): (readonly [Tab, string])[] {
  const classes = confusion !== undefined || pictures.confusion !== undefined;
  return [
    ['curves', 'Curves'],
    ...(sheets.length > 0 ? ([['masks', 'Masks over time']] as const) : []),
    ...(pictures.worst || pictures.best || (pictures.samples && !classes && sheets.length === 0)
      ? ([['cases', pictures.worst || pictures.best ? 'Worst and best' : 'Samples']] as const)
      : []),
    ...(classes ? ([['classes', 'Classes']] as const) : []),
    ...(notes.length > 0 ? ([['notes', `Notes (${notes.length})`]] as const) : []),
    ['settings', 'Settings'],
  ];
}

/** One run: how it goes or went, what it has learned, how it was set up. */
export function OneRun({ id, asked }: { id: string; asked: URLSearchParams }) {
  const { detail, steps, error, gone } = useRunData(id);
  const [failed, setFailed] = useState<string>();
  if (!detail)
    return (
      <Page title={id}>
        {error ? (
          <section className="card">
            <Empty title="This run cannot be shown">
              <p>{capital(error)}.</p>
              <a className="button" href={href(['runs'])}>
                All runs
              </a>
            </Empty>
          </section>
        ) : (
          <Loading />
        )}
      </Page>
    );
  const there = tabs(detail);
  const wanted = asked.get('tab') as Tab | null;
  const tab = there.some(([name]) => name === wanted) ? wanted! : 'curves';
  const others = asked.get('with');
  const open = (name: Tab) =>
    go(['runs', id], { ...(name !== 'curves' && { tab: name }), ...(others && { with: others }) }, true);
  return (
    <Page
      up={{ name: 'Runs', href: href(['runs']) }}
      title={id}
      about={subject(detail)}
      end={
        <>
          <StateBadge state={detail.state} />
          <Actions run={detail} report={detail.pictures.report} onFailed={setFailed} />
        </>
      }
    >
      {failed && <Notice kind="bad">{failed}</Notice>}
      {gone && (
        <Notice kind="bad">The folder of this run is gone: what is shown here is the last that was read.</Notice>
      )}
      {!gone && error && <Notice kind="bad">The run cannot be read now: {error}</Notice>}
      {detail.reason && <Notice kind="bad">{detail.reason}</Notice>}
      {detail.state === 'running' && <NowCard run={detail} />}
      <Figures run={detail} />
      <div>
        <Segmented label="What to look at" value={tab} options={there} onChange={open} />
      </div>
      <Suspense fallback={<Loading />}>
        {tab === 'curves' && <CurvesTab id={id} detail={detail} steps={steps} asked={asked} />}
        {tab === 'masks' && <MasksTab run={detail} />}
        {tab === 'cases' && <CasesTab run={detail} />}
        {tab === 'classes' && <ClassesTab run={detail} />}
        {tab === 'notes' && <NotesCard notes={detail.notes} />}
        {tab === 'settings' && <SettingsTab run={detail} />}
      </Suspense>
    </Page>
  );
}
