import type { Backend } from '../../src/backends/backend.js';

/**
 * The native backend, or why there is none: tests that need it are skipped with that reason. In CI, where it has to
 * be there, it is an error.
 */
async function open(): Promise<{ backend: Backend | undefined; reason: string }> {
  try {
    const { createNativeBackend } = await import('../../src/backends/native/index.js');
    return { backend: createNativeBackend(), reason: '' };
  } catch (error) {
    if (process.env.FOVEA_CI) throw error;
    return { backend: undefined, reason: ` (skipped: ${(error as Error).message})` };
  }
}

export const native = await open();
