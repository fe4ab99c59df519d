import { writePth } from '../io/pth/index.js';
import type { Module } from '../nn/module.js';
import { writeFileAtomic } from '../node/storage.js';
import { formatBytes } from '../report/format.js';
import { encodeCard } from '../train/card.js';
import { encodeWeights, int64 } from '../train/checkpoint.js';
import type { RunConfig } from '../train/config.js';
import type { Exporter } from './export.js';
import { facts } from './terminal.js';

export type WeightsFormat = 'safetensors' | 'pth';

/** The bytes of a file of weights: safetensors that says what its network is, or a state dict for PyTorch. */
export function encodeNetwork(net: Module, config: RunConfig, format: WeightsFormat): Uint8Array {
  const states = Object.entries(net.stateDict());
  return format === 'pth' ? writePth(states, { int64 }) : encodeWeights(states, encodeCard(config));
}

/** `fovea export --to safetensors` and `--to pth`. */
export const exportWeights =
  (format: WeightsFormat): Exporter =>
  async ({ terminal }, source, out) => {
    const { config } = source;
    const bytes = encodeNetwork(source.net, config, format);
    await writeFileAtomic(out, bytes);
    const own = config.model && 'path' in config.model ? config.model.path : undefined;
    if (own !== undefined && format === 'safetensors')
      terminal.warn(`${out} holds the weights of ${own}: whoever uses it needs that file too`);
    const tensors = source.net.states().size;
    terminal.answer(
      { source: source.from, weights: source.weights, format, out, bytes: bytes.length, tensors },
      facts([
        ['written', `${out}, ${formatBytes(bytes.length)}, ${tensors} tensors`],
        ['weights', source.weights],
        [
          'use',
          format === 'pth'
            ? `in PyTorch: model.load_state_dict(torch.load("${out}", weights_only=True))`
            : `fovea predict ${out} photo.jpg`,
        ],
      ]),
    );
  };
