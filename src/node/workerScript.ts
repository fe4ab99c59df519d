/** In a checkout that has not been built the sources are TypeScript, which a worker can only load by transpiling. */
const fromSource = import.meta.url.endsWith('.ts');

/** The file of a worker thread beside the module that starts it. */
export const workerScript = (name: string, beside: string): URL =>
  new URL(`./${name}.${fromSource ? 'ts' : 'js'}`, beside);

/** Options that a worker of ours is started with. */
export const workerOptions: { readonly execArgv?: string[] } = fromSource
  ? { execArgv: ['--import', new URL('../../scripts/typescript-loader.mjs', import.meta.url).href] }
  : {};
