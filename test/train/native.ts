import type { Backend } from '../../src/backends/backend.js';

/** The native backend, or why there is none: tests that need it are skipped with that reason. */
export async function nativeBackend(): Promise<{ backend: Backend | undefined; reason: string }> {
  try {
    const { createNativeBackend } = await import('../../src/backends/native/index.js');
    return { backend: await createNativeBackend(), reason: '' };
  } catch (error) {
    return { backend: undefined, reason: ` (skipped: ${(error as Error).message})` };
  }
}
