import type { HostTensor } from '../../tensor/shape.js';

/** Values by parameter name. */
export type Weights = ReadonlyMap<string, HostTensor>;

/** Names that others give to the parameters of one of our networks. */
interface Layout {
  /** Whose names they are. */
  readonly title: string;
  readonly matches: (names: Weights) => boolean;
  /** Our names; undefined where a parameter has none. */
  readonly rename: (names: Weights) => (name: string) => string | undefined;
  /** For values that are arranged differently. Takes their name. */
  readonly adapt?: (name: string, value: HostTensor) => HostTensor;
}

/** What programs put before all names of a network that they wrap. */
const PREFIXES = ['module.', '_orig_mod.', 'model.', 'net.', 'network.', 'unet.'];

/** Takes away prefixes that all names share; gives what was taken away. */
export function withoutPrefix(weights: Weights): { weights: Weights; prefix: string } {
  let prefix = '';
  for (;;) {
    const next = PREFIXES.find((p) => [...weights.keys()].every((name) => name.startsWith(p)));
    if (next === undefined || weights.size === 0) return { weights, prefix };
    weights = new Map([...weights].map(([name, value]) => [name.slice(next.length), value]));
    prefix += next;
  }
}

/** The largest number that `pattern` catches in a name, plus one. */
const countOf = (weights: Weights, pattern: RegExp): number =>
  Math.max(0, ...[...weights.keys()].map((name) => Number(pattern.exec(name)?.[1] ?? -1) + 1));

/** Where level `i` of the contracting path lies in our U-Net, from 0. */
const levelOf = (i: number): string => (i === 0 ? 'inc.double_conv' : `down${i}.maxpool_conv.1.double_conv`);
/** Convolution and batch norm in two convolutions: `conv1`, `norm1`, `conv2`, `norm2`. */
const PLACES: Readonly<Record<string, number>> = { conv1: 0, norm1: 1, conv2: 3, norm2: 4 };

const LAYOUTS: readonly Layout[] = [
  {
    title: "milesial/Pytorch-UNet's first names",
    matches: (w) => w.has('inc.conv.conv.0.weight') && w.has('down1.mpconv.1.conv.0.weight'),
    rename: () => (name) =>
      name
        .replace(/^inc\.conv\.conv\./, 'inc.double_conv.')
        .replace(/\.mpconv\.1\.conv\./, '.maxpool_conv.1.double_conv.')
        .replace(/^(up\d+)\.conv\.conv\./, '$1.conv.double_conv.'),
  },
  {
    title: 'mateuszbuda/brain-segmentation-pytorch',
    matches: (w) => w.has('encoder1.enc1conv1.weight') && w.has('bottleneck.bottleneckconv1.weight'),
    rename: (w) => {
      const levels = countOf(w, /^encoder(\d+)\./) - 1;
      return (name) => {
        const [, part = '', number, place = '', rest] =
          /^(?:(encoder|decoder|upconv|bottleneck|conv)(\d*))(?:\.[a-z]+\d*?(conv[12]|norm[12]))?\.(\w+)$/.exec(name) ??
          [];
        const at = place && `${PLACES[place]}.`;
        const up = `up${levels + 1 - Number(number)}`;
        if (part === 'encoder') return `${levelOf(Number(number) - 1)}.${at}${rest}`;
        if (part === 'bottleneck') return `${levelOf(levels)}.${at}${rest}`;
        if (part === 'decoder') return `${up}.conv.double_conv.${at}${rest}`;
        if (part === 'upconv') return `${up}.up.${rest}`;
        return part === 'conv' ? `outc.conv.${rest}` : undefined;
      };
    },
    // There the map from below comes before the skip's channels, here behind them.
    adapt: (name, value) => (/^decoder\d+\.dec\d+conv1\.weight$/.test(name) ? swapHalves(value) : value),
  },
  {
    title: 'the U-Net of lists (downs, ups, bottleneck, final_conv)',
    matches: (w) =>
      w.has('final_conv.weight') && [...w.keys()].some((name) => /^downs\.0\.(\w+\.)?0\.weight$/.test(name)),
    rename: (w) => {
      const levels = countOf(w, /^downs\.(\d+)\./);
      return (name) => {
        const [, part, index = '', rest] =
          /^(downs\.|ups\.|bottleneck)(\d*)(?:\.[a-z]\w*)?\.(\d+\.\w+)$/.exec(name) ?? [];
        const i = Number(index);
        if (part === 'downs.') return `${levelOf(i)}.${rest}`;
        if (part === 'bottleneck') return `${levelOf(levels)}.${rest}`;
        if (part === 'ups.') return `up${(i + 1) / 2}.conv.double_conv.${rest}`;
        const [, up, value] = /^ups\.(\d*[02468])\.(weight|bias)$/.exec(name) ?? [];
        if (value !== undefined) return `up${Number(up) / 2 + 1}.up.${value}`;
        return name.startsWith('final_conv.') ? name.replace('final_conv.', 'outc.conv.') : undefined;
      };
    },
  },
];

/** The two halves of the second axis change places. */
function swapHalves(value: HostTensor): HostTensor {
  const [out = 0, inside = 0, ...kernel] = value.shape;
  if (inside % 2 !== 0) return value;
  const half = (inside / 2) * kernel.reduce((n, d) => n * d, 1);
  const data = value.data.slice();
  for (let o = 0; o < out; o++) {
    const at = 2 * half * o;
    data.set(value.data.subarray(at + half, at + 2 * half), at);
    data.set(value.data.subarray(at, at + half), at + half);
  }
  return { ...value, data };
}

/**
 * Older U-Nets have a bias before batch normalisation, which takes it away again: it becomes a part of the running mean
 * (also in training it makes no difference).
 */
function foldBias(weights: Map<string, HostTensor>): boolean {
  let folded = false;
  for (const [name, bias] of [...weights]) {
    const [, block, index] = /^(.*double_conv)\.(\d+)\.bias$/.exec(name) ?? [];
    const norm = `${block}.${Number(index) + 1}.running_mean`;
    const mean = weights.get(norm);
    if (!mean || mean.data.length !== bias.data.length || weights.get(`${block}.${index}.weight`)?.shape.length !== 4)
      continue;
    weights.set(norm, { ...mean, data: mean.data.map((m, i) => m - bias.data[i]!) as Float32Array });
    weights.delete(name);
    folded = true;
  }
  return folded;
}

/** Weights by our names. */
export interface Renamed {
  readonly weights: Weights;
  /** Whose names they were, if not ours. */
  readonly layout?: string;
  /** What was done to them, a sentence each without full stop. */
  readonly notes: readonly string[];
}

/** Translates what is known: prefixes, the names of other U-Nets, a bias before batch normalisation. */
export function ourNames(given: Weights): Renamed {
  const { weights, prefix } = withoutPrefix(given);
  const notes = prefix ? [`took "${prefix}" away from all names`] : [];
  const layout = LAYOUTS.find((l) => l.matches(weights));
  let renamed = new Map(weights);
  if (layout) {
    const rename = layout.rename(weights);
    renamed = new Map(
      [...weights].map(([name, value]) => [rename(name) ?? name, layout.adapt?.(name, value) ?? value] as const),
    );
  }
  if (foldBias(renamed))
    notes.push('made the bias of convolutions before batch normalisation a part of its running mean');
  return { weights: renamed, ...(layout ? { layout: layout.title } : {}), notes };
}
