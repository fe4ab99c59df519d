import { existsSync } from 'node:fs';
import { createNativeBackend, type NativeBackend } from '../../src/backends/native/index.js';

/** The native backend, or why there is none: tests that need it are skipped with that reason. */
export function nativeBackend(): { backend: NativeBackend | undefined; reason: string } {
  try {
    return { backend: createNativeBackend(), reason: '' };
  } catch (error) {
    // An engine that was built and does not load is a failure, not a reason to look away.
    if (existsSync(new URL('../../build/fovea.node', import.meta.url))) throw error;
    return { backend: undefined, reason: ` (skipped: ${(error as Error).message})` };
  }
}
