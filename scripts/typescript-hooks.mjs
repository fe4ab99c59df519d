/**
 * Module hooks of typescript-loader.mjs: files are transpiled one by one, without type checks; `./x.js` finds `./x.ts`.
 * Results are kept by content under node_modules/.cache: each worker thread has hooks of its own, and the compiler
 * takes longer to load than all files to transpile.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = new URL('../node_modules/.cache/fovea-typescript/', import.meta.url);
const options = { target: 'ES2022', module: 'ESNext', verbatimModuleSyntax: true, inlineSourceMap: true };

export async function resolve(specifier, context, next) {
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
    const source = new URL(`${specifier.slice(0, -3)}.ts`, context.parentURL);
    if (existsSync(fileURLToPath(source))) return { url: source.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const file = fileURLToPath(url);
  const text = readFileSync(file, 'utf8');
  const key = createHash('sha256')
    .update(`${process.version}\n${JSON.stringify(options)}\n${file}\n${text}`)
    .digest('hex');
  const kept = fileURLToPath(new URL(`${key}.mjs`, cache));
  if (existsSync(kept)) return { format: 'module', source: readFileSync(kept, 'utf8'), shortCircuit: true };
  const { default: ts } = await import('typescript');
  const { outputText } = ts.transpileModule(text, { fileName: file, compilerOptions: options });
  try {
    mkdirSync(dirname(kept), { recursive: true });
    const temporary = `${kept}.${process.pid}.${Math.random()}.tmp`;
    writeFileSync(temporary, outputText);
    renameSync(temporary, kept);
  } catch {
    // A checkout that cannot be written to transpiles each time.
  }
  return { format: 'module', source: outputText, shortCircuit: true };
}
