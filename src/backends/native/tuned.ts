import type { DeviceInfo } from '../backend.js';
import type { ConvolutionChoices, ConvolutionTuning } from '../tuning.js';
import type { CompiledProgram, KnownConvolutions } from './addon.js';

/** A program compiled with measured algorithms: what `tuning` knows goes in, what the add-on chose comes back to it. */
export async function tuned(
  tuning: ConvolutionTuning,
  device: DeviceInfo,
  compile: (known: KnownConvolutions) => Promise<CompiledProgram>,
): Promise<CompiledProgram> {
  const { compiled } = await tuning.compile(device, async (known) => {
    const keys = (wanted: string) => [...known].filter(([, { algorithm }]) => algorithm === wanted).map(([key]) => key);
    const compiled = await compile({ direct: keys('direct'), winograd: keys('winograd') });
    return { compiled, choices: choicesOf(compiled), measured: compiled.measured };
  });
  return compiled;
}

const choicesOf = ({ convolutions }: CompiledProgram): ConvolutionChoices =>
  new Map(
    convolutions.map(([key, isWinograd, direct, winograd]) => {
      const times = Object.entries({ direct, winograd }).filter(([, ms]) => ms > 0);
      const ms = Object.fromEntries(times.map(([name, time]) => [name, Number(time.toPrecision(4))]));
      return [key, { algorithm: isWinograd ? 'winograd' : 'direct', ...(times.length > 0 ? { ms } : {}) }];
    }),
  );
