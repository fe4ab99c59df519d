import { useEffect, useMemo, useRef, useState } from 'react';
import type { Planned, RunDetail, Started, StartForm } from '../../../../src/server/studio/api.js';
import { type ApiError, post, runPath, useGet } from '../../lib/api.js';
import { useRuns } from '../../lib/live.js';
import { go, usePlace } from '../../lib/router.js';
import { Loading, Notice, Page } from '../../ui/index.js';
import { ChooseData, ChooseNetwork } from './Choose.js';
import { fieldNamed, problemsOf } from './checks.js';
import { bareName, CHOSEN, commandOf, type Draft, networkOf, requestOf } from './draft.js';
import { Options } from './Options.js';
import { draftOf } from './prefill.js';
import { type Prediction, Ready } from './Ready.js';
import './start.css';

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What was chosen stays while other pages are looked at. */
let kept: { readonly place: string; readonly draft: Draft } | undefined;

export default function Start() {
  const { query } = usePlace();
  const form = useGet<StartForm>('/api/form');
  const like = query.get('like') ?? undefined;
  const model = query.get('model') ?? undefined;
  const run = useGet<RunDetail>(like === undefined ? undefined : runPath(like));
  const failed = form.error ?? run.error;
  const about = like === undefined ? 'Choose a network and its data; everything else has a good default.' : undefined;
  const waiting = !form.data || (like !== undefined && !run.data);
  return (
    <Page
      title="Start a run"
      about={like === undefined ? about : <>As in the run {like}, to be changed as you like.</>}
    >
      {failed !== undefined ? (
        <Notice kind="bad">{sentence(failed)}</Notice>
      ) : waiting ? (
        <Loading />
      ) : (
        <Filled
          key={`${like}/${model}`}
          form={form.data!}
          place={`${like}/${model}`}
          begun={
            like === undefined
              ? { ...(model && { model }), data: '', values: {} }
              : draftOf(run.data!.config, form.data!)
          }
        />
      )}
    </Page>
  );
}

function Filled({ form, place, begun }: { form: StartForm; place: string; begun: Draft | undefined }) {
  const [draft, setDraft] = useState<Draft>(() => {
    if (kept?.place === place) return kept.draft;
    const first = (form.networks.find((n) => n.name === 'lenet') ?? form.networks[0])?.name;
    const draft = begun ?? { data: '', values: {} };
    return networkOf(draft, form) === undefined && first !== undefined ? { ...draft, model: first } : draft;
  });
  const [said, setSaid] = useState<{ readonly sentence: string; readonly field?: string | undefined }>();
  const [prediction, setPrediction] = useState<Prediction>({ state: 'none' });
  const [starting, setStarting] = useState(false);
  const asking = useRef<AbortController>(undefined);
  const live = useRuns()?.filter((r) => r.state === 'running').length ?? 0;
  const { parsed, own } = useParsers(draft, form);
  const errors = { ...parsed, ...problemsOf(draft, form), ...(said?.field ? { [said.field]: said.sentence } : {}) };
  const request = useMemo(() => requestOf(draft, form), [draft, form]);
  const known = new Set([...form.fields.map((f) => f.name), ...CHOSEN]);

  const change = (next: Draft) => {
    kept = { place, draft: next };
    setDraft(next);
    setSaid(undefined);
    asking.current?.abort();
    setPrediction((p) => ('plan' in p ? { state: 'stale', plan: p.plan } : { state: 'none' }));
  };
  const complain = (text: string, field = fieldNamed(text, form)) =>
    setSaid({
      sentence: sentence(text),
      field: field && known.has(field) ? field : undefined,
    });
  const predict = async () => {
    asking.current?.abort();
    const mine = new AbortController();
    asking.current = mine;
    setSaid(undefined);
    setPrediction({ state: 'asking' });
    try {
      const plan = await post<Planned>('/api/plan', request, mine.signal);
      if (mine.signal.aborted) return;
      if (plan.ok) return setPrediction({ state: 'known', plan });
      setPrediction({ state: 'none' });
      complain(plan.error, plan.field);
    } catch (error) {
      if (mine.signal.aborted) return;
      setPrediction({ state: 'none' });
      complain((error as Error).message);
    }
  };
  const start = async () => {
    asking.current?.abort();
    setPrediction((p) => (p.state === 'asking' ? { state: 'none' } : p));
    setStarting(true);
    setSaid(undefined);
    try {
      const { id } = await post<Started>('/api/runs', request);
      kept = undefined;
      go(['runs', id]);
    } catch (error) {
      complain((error as Error).message, (error as ApiError).field);
      setStarting(false);
    }
  };
  useEffect(() => () => asking.current?.abort(), []);

  return (
    <div className="start">
      <div className="stack start-main">
        {begun === undefined && (
          <Notice>
            That run's network came from a file or program of your own: start another like it in a terminal.
          </Notice>
        )}
        <ChooseNetwork form={form} draft={draft} onChange={change} error={errors.model ?? errors.recipe} />
        <ChooseData form={form} draft={draft} onChange={change} error={errors.data} />
        <Options form={form} draft={draft} own={own} errors={errors} onChange={change} />
      </div>
      <Ready
        prediction={prediction}
        command={commandOf(request, form)}
        problem={said && !said.field ? said.sentence : undefined}
        blocked={Object.keys(errors).length > 0}
        starting={starting}
        live={live}
        onPredict={predict}
        onCancel={() => {
          asking.current?.abort();
          setPrediction({ state: 'cancelled' });
        }}
        onStart={start}
      />
    </div>
  );
}

/** What the command line's parsers say of values with a grammar, and the network's own optimizer; fetched after the page. */
function useParsers(draft: Draft, form: StartForm) {
  const [parsers, setParsers] = useState<typeof import('./parsers.js')>();
  useEffect(() => {
    let here = true;
    void import('./parsers.js').then((found) => here && setParsers(found));
    return () => {
      here = false;
    };
  }, []);
  const network = networkOf(draft, form);
  return useMemo(() => {
    const parsed: Record<string, string> = {};
    for (const [name, value] of Object.entries(draft.values)) {
      const problem = parsers?.parsingProblem(name, value);
      if (problem !== undefined) parsed[name] = problem;
    }
    return { parsed, own: network === undefined ? undefined : parsers?.ownOptimizer(bareName(network)) };
  }, [parsers, draft.values, network]);
}
