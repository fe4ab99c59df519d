/** One option with the values that it is to take. */
export interface Variation {
  /** As a field of `fovea train`: `loss`, `weightDecay`. */
  readonly name: string;
  readonly values: readonly { readonly text: string; readonly value: unknown }[];
}

/** A network with options: what takes part in a race. */
export interface Contestant {
  /** "vgg11", "unet lr=0.01"; different for each. */
  readonly name: string;
  /** Part of the names of its run directories. */
  readonly directory: string;
  readonly model: string;
  /** Options of its own. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * All combinations of networks and values, the networks changing slowest.
 * @throws Error, one sentence, if two are the same or there are fewer than two
 */
export function makeContestants(models: readonly string[], variations: readonly Variation[]): Contestant[] {
  let made = models.map((model) => ({ model, words: [shortModel(model)], options: {} as Record<string, unknown> }));
  for (const { name, values } of variations)
    made = made.flatMap(({ model, words, options }) =>
      values.map(({ text, value }) => ({
        model,
        words: [...words, `${name}=${text}`],
        options: { ...options, [name]: value },
      })),
    );
  const contestants = made.map(({ model, words, options }) => {
    const name = words.join(' ');
    return { name, directory: name.replaceAll(/[^\w.+-]+/g, '-').replace(/-+$/, ''), model, options };
  });
  const names = contestants.map((c) => c.directory);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new Error(`${twice} is in the race twice: each contestant must be different`);
  if (contestants.length < 2)
    throw new Error(
      'a race needs at least two contestants: name two networks, or vary an option with --vary lr=0.01,0.1',
    );
  return contestants;
}

/** `./nets/my-net.js` -> `my-net`. */
const shortModel = (model: string) =>
  model
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.[cm]?[jt]s$/i, '');

/** The run to go on with: the one that has done the least of its share, in the order of the list. */
export function nextRun<R extends { readonly share: number }>(runs: readonly R[]): R | undefined {
  const open = runs.filter((r) => r.share < 1);
  return open.reduce<R | undefined>(
    (least, r) => (least === undefined || r.share < least.share ? r : least),
    undefined,
  );
}
