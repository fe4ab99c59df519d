import { useId, useState } from 'react';
import type { FormField, StartForm } from '../../../../src/server/studio/api.js';
import { Card, Field } from '../../ui/index.js';
import { CHOSEN, type Draft, taskOf, withValue } from './draft.js';
import { concerns, defaultOf, GROUPS, helpOf, inOrder, isMain, labelOf, suggestions } from './words.js';

/** The options that matter, and the others on request. */
export function Options({
  form,
  draft,
  own,
  errors,
  onChange,
}: {
  form: StartForm;
  draft: Draft;
  /** How the network is trained where nobody says otherwise. */
  own: { optimizer: string; lr: string } | undefined;
  errors: Readonly<Record<string, string>>;
  onChange: (draft: Draft) => void;
}) {
  const task = taskOf(draft, form);
  const fields = form.fields.filter(
    ({ name }) => !CHOSEN.includes(name) && (concerns(name, task) || draft.values[name] || errors[name] !== undefined),
  );
  const rest = fields.filter((f) => !isMain(f));
  const touched = rest.filter((f) => draft.values[f.name] || errors[f.name] !== undefined);
  const [more, setMore] = useState(false);
  // What is wrong is never hidden.
  const open = more || touched.some((f) => errors[f.name] !== undefined);
  const input = (field: FormField) => (
    <Setting
      key={field.name}
      field={field}
      value={draft.values[field.name] ?? ''}
      usual={defaultOf(field, task, draft.recipe, own)}
      offered={[...new Set([...suggestions(field.name, task), ...(field.choices ?? [])])]}
      error={errors[field.name]}
      onChange={(value) => onChange(withValue(draft, field.name, value))}
    />
  );
  const named = GROUPS.flatMap(([, names]) => names);
  const groups = [
    ...GROUPS.map(([title, names]) => [title, rest.filter((f) => names.includes(f.name))] as const),
    ['While it runs', rest.filter((f) => !named.includes(f.name))] as const,
  ].filter(([, found]) => found.length > 0);
  return (
    <Card title="Options" end={<span className="muted small">empty: as the grey text says</span>}>
      <div className="start-fields">{inOrder(fields.filter(isMain)).map(input)}</div>
      {rest.length > 0 && (
        <button type="button" className="button quiet start-more" aria-expanded={open} onClick={() => setMore(!open)}>
          {open ? 'Fewer options' : 'More options'}
          {!open && touched.length > 0 && <span className="badge">{touched.length} set</span>}
        </button>
      )}
      {open &&
        groups.map(([title, found]) => (
          <section key={title} className="start-group" aria-label={title}>
            <h3>{title}</h3>
            <div className="start-fields">{found.map(input)}</div>
          </section>
        ))}
    </Card>
  );
}

function Setting({
  field,
  value,
  usual,
  offered,
  error,
  onChange,
}: {
  field: FormField;
  value: string;
  usual: string;
  offered: readonly string[];
  error: string | undefined;
  onChange: (value: string) => void;
}) {
  const list = useId();
  const [label, help] = [labelOf(field.name), helpOf(field)];
  if (field.kind === 'flag')
    return (
      <label className="start-flag">
        <input type="checkbox" checked={value === 'true'} onChange={(e) => onChange(e.target.checked ? 'true' : '')} />
        <span>
          <b>{label}</b>
          <span className="help">{help}</span>
          {error !== undefined && <span className="says-bad">{error}</span>}
        </span>
      </label>
    );
  return (
    <Field label={label} help={help === label ? undefined : help} error={error}>
      {(bind) =>
        field.kind === 'choice' ? (
          <select {...bind} className="select" value={value} onChange={(e) => onChange(e.target.value)}>
            <option value="">{usual}</option>
            {field.choices?.map((c) => (
              <option key={c}>{c}</option>
            ))}
          </select>
        ) : (
          <>
            <input
              {...bind}
              className="input numbers"
              value={value}
              placeholder={usual}
              inputMode={field.kind === 'number' ? 'decimal' : 'text'}
              list={offered.length > 0 ? list : undefined}
              autoComplete="off"
              spellCheck={false}
              onChange={(e) => onChange(e.target.value)}
            />
            {offered.length > 0 && (
              <datalist id={list}>
                {offered.map((o) => (
                  <option key={o} value={o} />
                ))}
              </datalist>
            )}
          </>
        )
      }
    </Field>
  );
}
