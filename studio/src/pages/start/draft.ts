import type { StartForm, StartRequest } from '../../../../src/server/studio/api.js';

export type Task = 'classification' | 'segmentation';

/** What has been chosen and typed so far. */
export interface Draft {
  /** Settings by name; the network comes with them. */
  readonly recipe?: string;
  readonly model?: string;
  /** A data set by name, or a path; empty: what suits the network. */
  readonly data: string;
  /** Other options as typed, by the names of the form's fields; an absent or empty one is the default. */
  readonly values: Readonly<Record<string, string>>;
}

/** Chosen elsewhere on the page than among the options. */
export const CHOSEN: readonly string[] = ['model', 'recipe', 'data'];

/** `unet:bilinear=true` -> `unet` */
export const bareName = (model: string): string => model.split(':', 1)[0]!;

/** The network that a draft trains. */
export const networkOf = (draft: Draft, form: StartForm): string | undefined =>
  draft.model ?? form.recipes.find((r) => r.name === draft.recipe)?.network;

export const taskOf = (draft: Draft, form: StartForm): Task => {
  const name = networkOf(draft, form);
  const known = form.networks.find((n) => n.name === (name && bareName(name)));
  return known?.task === 'segmentation' ? 'segmentation' : 'classification';
};

/** What a network is trained on where nothing is said. */
export const usualData = (task: Task): string => (task === 'segmentation' ? 'cells' : 'mnist');

/** Masks are for networks that make masks, classes for those that name them; a path may hold either. */
export function suits(data: string, task: Task, form: StartForm): boolean {
  const known = form.data.find((d) => d.name === data);
  return !known || known.task === '' || known.task === task;
}

/** The same settings for another network: data that it cannot learn from is left. */
export function withNetwork(draft: Draft, chosen: { model?: string; recipe?: string }, form: StartForm): Draft {
  const next: Draft = { ...chosen, data: draft.data, values: draft.values };
  return draft.data === '' || suits(draft.data, taskOf(next, form), form) ? next : { ...next, data: '' };
}

export function withValue(draft: Draft, name: string, value: string): Draft {
  const { [name]: _, ...others } = draft.values;
  return { ...draft, values: value === '' ? others : { ...others, [name]: value } };
}

/** What is sent: nothing that is a default, but the data, which should stand in the command. */
export function requestOf(draft: Draft, form: StartForm): StartRequest {
  const options: Record<string, string | boolean> = {};
  if (draft.recipe !== undefined) options.recipe = draft.recipe;
  options.data = draft.data.trim() || usualData(taskOf(draft, form));
  for (const field of form.fields) {
    const value = draft.values[field.name]?.trim();
    if (CHOSEN.includes(field.name) || !value) continue;
    options[field.name] = field.kind === 'flag' ? value === 'true' : value;
  }
  return { ...(draft.model === undefined ? {} : { model: draft.model }), options };
}

/** The same for a terminal. */
export function commandOf({ model, options }: StartRequest, form: StartForm): string {
  const words = ['npx', 'fovea', 'train'];
  if (model !== undefined) words.push(quoted(model));
  for (const [name, value] of Object.entries(options)) {
    const flag = form.fields.find((f) => f.name === name)?.flag ?? `--${kebab(name)}`;
    if (value === true) words.push(flag);
    else if (value !== false) words.push(flag, quoted(String(value)));
  }
  return words.join(' ');
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
const quoted = (text: string): string => (/^[\w./:=,+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
