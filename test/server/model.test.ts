import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import type { Fit } from '../../src/data/open.js';
import { createModel } from '../../src/models/index.js';
import { unet } from '../../src/models/unet.js';
import { Gate } from '../../src/server/budget.js';
import { ServedModel } from '../../src/server/model.js';
import { hostTensor } from '../../src/tensor/shape.js';
import type { RunConfig } from '../../src/train/config.js';
import { Session } from '../../src/train/session.js';

const normalize = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const SIDE = 16;

const photo = async (width: number, height: number) =>
  Uint8Array.from(
    await sharp({ create: { width, height, channels: 3, background: '#777' } })
      .png()
      .toBuffer(),
  );

describe('a served network of masks', () => {
  const open: ServedModel[] = [];
  const held = vi.spyOn(Gate.prototype, 'hold');
  afterEach(async () => {
    held.mockClear();
    for (const model of open.splice(0)) await model.close();
  });

  const serve = (fit: Fit) => {
    const net = unet({ features: [2, 4] });
    const config = { inputShape: [3, SIDE, SIDE], classes: ['background', 'thing'], normalize } as unknown as RunConfig;
    const model = new ServedModel({
      config,
      net,
      backend: createReferenceBackend(),
      fit,
      maxBatch: 4,
      maxPixels: 5000,
    });
    open.push(model);
    return { model, net };
  };
  const asked = { as: 'json', format: 'png' } as const;

  it('counts the pixels that the network sees against the limit, not those of the photo alone', async () => {
    const { model } = serve('fill');
    const small = await photo(40, 30);
    await expect(model.segment(small.slice(), { ...asked, resolution: 4096 })).rejects.toMatchObject({
      fault: 'size',
      message: expect.stringContaining('4096 x 3072 pixels, expected at most 16384 a side and 5000 in all'),
    });
    expect(held).not.toHaveBeenCalled();
    expect((await model.segment(small.slice(), { ...asked, resolution: 80 })).seen).toEqual({ height: 60, width: 80 });
    expect(held.mock.lastCall![0]).toBe(60 * 80);
    expect((await model.segment(small.slice(), asked)).seen).toEqual({ height: SIDE, width: SIDE });
    expect(held.mock.lastCall![0]).toBe(40 * 30);
  });

  it('refuses a photo so narrow that covering the training size makes it longer than any image may be', async () => {
    const { model } = serve('cover');
    await expect(model.segment(await photo(1, 4000), asked)).rejects.toMatchObject({ fault: 'size' });
  });

  it('has its weights on the device alone once it is warm', async () => {
    const { model, net } = serve('fill');
    const before = new Session(net, createReferenceBackend());
    await before.materialise(1);
    await before.readBack();
    before.dispose();
    expect([...net.states().values()].filter((p) => !p.value)).toEqual([]);
    await model.warmUp();
    expect([...net.states().values()].filter((p) => p.value)).toEqual([]);
    expect((await model.segment(await photo(40, 30), asked)).foreground).toBeGreaterThanOrEqual(0);
    expect(model.session.kept.bytes).toBeGreaterThan(0);
  });
});

it('a served classifier sees photos as it was trained to', async () => {
  const noise = Uint8Array.from({ length: 3 * 64 * 20 }, (_, i) => (97 * i * (i % 7)) % 256);
  const wide = sharp(noise, { raw: { width: 64, height: 20, channels: 3 } }).png();
  const stretched = sharp(await wide.toBuffer()).resize({ width: SIDE, height: SIDE, fit: 'fill', kernel: 'linear' });
  const [photo, seen] = (await Promise.all([wide.toBuffer(), stretched.png().toBuffer()])).map(
    (b) => new Uint8Array(b),
  );
  const config = { inputShape: [3, SIDE, SIDE], classes: ['a', 'b', 'c'], normalize } as unknown as RunConfig;
  const answer = async (fit: Fit | undefined, image: Uint8Array) => {
    const net = createModel('lenet5', { inputShape: [3, SIDE, SIDE], classes: 3 });
    const model = new ServedModel({
      config,
      net,
      backend: createReferenceBackend(),
      fit,
      maxBatch: 1,
      maxPixels: 5000,
    });
    await model.warmUp();
    const ranked = await model.classify(image, { top: 3, invert: false });
    await model.close();
    return ranked;
  };
  expect(await answer('fill', photo!)).toEqual(await answer('fill', seen!));
  expect(await answer(undefined, photo!)).toEqual(await answer('cover', photo!));
  expect(await answer('cover', photo!)).not.toEqual(await answer('fill', photo!));
});

it('a session with limits drops the programs that were not used for longest, but never the last four', async () => {
  const image = (side: number) => hostTensor(new Uint8Array(3 * side * side), [1, 3, side, side]);
  const used = async (limits: { maxBytes: number; most: number }, sides: readonly number[]) => {
    const session = new Session(unet({ features: [2, 4] }), createReferenceBackend(), {}, limits);
    for (const side of sides) await session.predict(image(side), normalize);
    const { compiled, kept } = session;
    session.dispose();
    return { compiled, programs: kept.programs };
  };
  const many = { maxBytes: 1e9, most: 5 };
  expect(await used(many, [4, 6, 8, 10, 12, 14, 16])).toEqual({ compiled: 7, programs: 5 });
  // 4 is used again before 14 takes the place of 6.
  expect(await used(many, [4, 6, 8, 10, 12, 4, 14, 4])).toEqual({ compiled: 6, programs: 5 });
  expect(await used(many, [4, 6, 8, 10, 12, 4, 14, 6])).toEqual({ compiled: 7, programs: 5 });
  expect(await used({ maxBytes: 1, most: 100 }, [4, 6, 8, 10, 12, 14])).toEqual({ compiled: 6, programs: 4 });
});
