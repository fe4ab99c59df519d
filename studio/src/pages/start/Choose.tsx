import { useState } from 'react';
import type { StartForm } from '../../../../src/server/studio/api.js';
import { Card, Field } from '../../ui/index.js';
import { bareName, type Draft, networkOf, suits, type Task, taskOf, usualData, withNetwork } from './draft.js';
import { FAMILIES, type Family, familyOf } from './glyphs.js';

interface Props {
  readonly form: StartForm;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

/** A family, then one of its networks; or a recipe, which brings its network along. */
export function ChooseNetwork({ form, draft, onChange, error }: Props & { readonly error?: string | undefined }) {
  const network = networkOf(draft, form);
  const chosen = draft.recipe ? 'recipe' : network === undefined ? undefined : familyOf(bareName(network));
  const [opened, open] = useState<Family>();
  const family = opened ?? chosen ?? 'lenet';
  const pick = (choice: { model?: string; recipe?: string }) => onChange(withNetwork(draft, choice, form));
  const select = (key: Family) => {
    open(key);
    const first = key === 'recipe' ? form.recipes[0] : form.networks.find((n) => familyOf(n.name) === key);
    if (key !== chosen && first) pick(key === 'recipe' ? { recipe: first.name } : { model: first.name });
  };
  const listed = form.networks.filter((n) => familyOf(n.name) === family);
  return (
    <Card title="Network">
      <fieldset className="start-families" aria-label="Family">
        {FAMILIES.map(({ key, title, word, Glyph }) => (
          <label key={key} className="start-choice">
            <input type="radio" name="family" checked={key === family} onChange={() => select(key)} />
            <Glyph />
            <b>{title}</b>
            <span>{word}</span>
          </label>
        ))}
      </fieldset>
      <fieldset className="start-variants" aria-label={family === 'recipe' ? 'Recipe' : 'Network'}>
        {family === 'recipe'
          ? form.recipes.map((r) => (
              <Option
                key={r.name}
                group="recipe"
                name={r.name}
                about={`${r.network}: ${r.summary}`}
                checked={draft.recipe === r.name}
                onPick={() => pick({ recipe: r.name })}
              />
            ))
          : listed.map((n) => (
              <Option
                key={n.name}
                group="network"
                name={n.name}
                about={n.summary}
                checked={!draft.recipe && network !== undefined && bareName(network) === n.name}
                onPick={() => pick({ model: n.name })}
              />
            ))}
      </fieldset>
      {network?.includes(':') && (
        <p className="muted small">
          With the options <code>{network.slice(network.indexOf(':') + 1)}</code>; choose the network again to leave
          them out.
        </p>
      )}
      {error !== undefined && <p className="says-bad">{error}</p>}
    </Card>
  );
}

function Option({
  group,
  name,
  about,
  checked,
  onPick,
}: {
  group: string;
  name: string;
  about: string;
  checked: boolean;
  onPick: () => void;
}) {
  return (
    <label className="start-option">
      <input type="radio" name={group} checked={checked} onChange={onPick} />
      <span>
        <b>{name}</b> <span className="muted">{about}</span>
      </span>
    </label>
  );
}

/** Data that the network can learn from, or a path to one's own. */
export function ChooseData({ form, draft, onChange, error }: Props & { readonly error?: string | undefined }) {
  const task = taskOf(draft, form);
  const usual = usualData(task);
  const first = (name: string) => (name === usual ? 0 : 1);
  const listed = form.data.filter((d) => suits(d.name, task, form)).sort((a, b) => first(a.name) - first(b.name));
  const named = draft.data === '' ? usual : draft.data;
  const known = listed.some((d) => d.name === named);
  const [own, setOwn] = useState(!known);
  const isOwn = own || !known;
  const pick = (data: string) => {
    setOwn(false);
    onChange({ ...draft, data });
  };
  const path = known ? '' : draft.data;
  const unfit = !suits(draft.data, task, form);
  return (
    <Card title="Data" end={<span className="muted small">{kindOf(task)}</span>}>
      <fieldset className="start-variants" aria-label="Data">
        {listed.map((d) => (
          <Option
            key={d.name}
            group="data"
            name={d.name}
            about={inShort(d.summary)}
            checked={!isOwn && named === d.name}
            onPick={() => pick(d.name)}
          />
        ))}
        <Option
          group="data"
          name="Your own"
          about={
            task === 'segmentation'
              ? 'a folder of photos with masks, or a CSV that names them'
              : 'a folder of class folders'
          }
          checked={isOwn}
          onPick={() => {
            setOwn(true);
            if (known) onChange({ ...draft, data: '' });
          }}
        />
      </fieldset>
      {isOwn && (
        <div className="start-path">
          <Field
            label="Path on the machine that trains"
            error={
              unfit
                ? `${draft.data} holds ${task === 'segmentation' ? 'classes' : 'masks'}: choose ${task === 'segmentation' ? 'another network' : 'a U-Net'} for it`
                : error
            }
            help={
              task === 'segmentation' ? 'Found by itself: images and masks of the same names' : 'A folder per class'
            }
          >
            {(bind) => (
              <input
                {...bind}
                className="input mono"
                value={path}
                placeholder={task === 'segmentation' ? 'photos/ or photos/train.csv' : 'photos/'}
                spellCheck={false}
                onChange={(e) => onChange({ ...draft, data: e.target.value })}
              />
            )}
          </Field>
        </div>
      )}
      {!isOwn && error !== undefined && <p className="says-bad">{error}</p>}
    </Card>
  );
}

/** `MNIST: 28 x 28 handwritten digits (LeCun 1998); 55,000 train, ...; ...` -> what it is and how much of it. */
function inShort(summary: string): string {
  const [what = '', ...rest] = summary.split('; ');
  const short = what
    .replace(/^[\w-]+: /, '')
    .replace(/ \([^)]*\)/, '')
    .replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase());
  return [short, rest[0], rest.find((part) => part.startsWith('fetched'))].filter(Boolean).join('; ');
}

const kindOf = (task: Task): string =>
  task === 'segmentation' ? 'U-Nets learn from photos with masks' : 'this network learns from pictures with classes';
