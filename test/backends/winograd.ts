import { nativeInfo } from '../../src/backends/native/index.js';

const info = nativeInfo();

/** Only oneDNN 2 has Winograd convolutions, and only for AVX-512: elsewhere no convolution has a choice. */
export const hasWinograd = info.ok && info.dnnl.startsWith('2.') && info.isa === 'AVX-512';
