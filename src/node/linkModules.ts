import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileError } from './errors.js';

/** Modules as an import map for a page that has no server. */
export interface LinkedModules {
  /** Name of each module to a `data:` address that holds it. */
  readonly imports: Readonly<Record<string, string>>;
  /** Name of the first one. */
  readonly main: string;
}

/** `from './x.js'` and `import './x.js'`, as the TypeScript compiler writes them: each at the start of a statement. */
const SPECIFIER = /^((?:import|export)\b[^'"\n]*)(['"])([^'"\n]+)\2;/gm;

/**
 * A compiled module with all that it imports, as an import map: a page opened from a file may not load modules from
 * beside it.
 *
 * @param entry address of the first module
 * @param root folder that names are relative to
 * @throws Error, one sentence, for an import of anything but a file beside it: a page has no packages
 */
export async function linkModules(entry: URL, root: URL): Promise<LinkedModules> {
  const nameOf = (url: URL) => `fovea/${relative(fileURLToPath(root), fileURLToPath(url)).replaceAll('\\', '/')}`;
  const imports: Record<string, string> = {};
  const waiting = [entry];
  for (let url = waiting.pop(); url; url = waiting.pop()) {
    const module = url;
    const name = nameOf(module);
    if (imports[name] !== undefined) continue;
    const path = fileURLToPath(module);
    let source: string;
    try {
      source = await readFile(path, 'utf8');
    } catch (error) {
      throw fileError(error, path, 'read');
    }
    const linked = source.replace(SPECIFIER, (_, before: string, quote: string, specifier: string) => {
      if (!specifier.startsWith('.'))
        throw new Error(`${name} imports "${specifier}", which a page without a server does not have`);
      const target = new URL(specifier, module);
      waiting.push(target);
      return `${before}${quote}${nameOf(target)}${quote};`;
    });
    imports[name] = `data:text/javascript;base64,${Buffer.from(linked).toString('base64')}`;
  }
  return {
    imports: Object.fromEntries(Object.entries(imports).sort(([a], [b]) => (a < b ? -1 : 1))),
    main: nameOf(entry),
  };
}

/**
 * A bundled module without imports as a classic script that gives what it exports to a global name: workers of a page
 * opened from a file take no modules.
 * @throws Error, one sentence, if it has another form than bundlers give
 */
export function classicScript(module: string, name: string): string {
  const found = /export\s*\{([^}]*)\};?\s*(?:\/\/[^\n]*\s*)*$/.exec(module);
  if (!found || /(?:^|[;}\n])import\s*[\w{*'"]/.test(module))
    throw new Error(`${name} cannot be put into a page: its module has imports, or does not end with its exports`);
  const members = found[1]!.split(',').map((part) => {
    const [inner, outer = inner] = part.trim().split(/\s+as\s+/);
    return `${JSON.stringify(outer)}:${inner}`;
  });
  const body = module.slice(0, found.index).replaceAll('import.meta.url', 'self.location.href');
  return `(()=>{"use strict";${body};self[${JSON.stringify(name)}]={${members.join()}}})();\n`;
}
