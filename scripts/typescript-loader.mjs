/**
 * Lets Node run the TypeScript sources of a checkout that has not been built (`node --import`). Tests use it for worker
 * threads and child processes; what is published is compiled.
 */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
