import { readFile } from 'node:fs/promises';
import { extname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileError } from './errors.js';
import { isFile, type Pair } from './maskPairs.js';

/**
 * The numbers of the pairs that a list names. An entry is the path of a photo (as far as it is needed to tell which), or the same
 * without its ending.
 *
 * @param list a text file with an entry a line (what follows a space or comma is ignored), seen from `root`, or the entries
 */
export async function readList(
  given: string | readonly string[],
  root: string,
  pairs: readonly Pair[],
): Promise<readonly number[]> {
  let entries = given as readonly string[];
  let title = 'the list';
  if (typeof given === 'string') {
    title = isAbsolute(given) || !(await isFile(join(root, given))) ? resolve(given) : join(root, given);
    const text = await readFile(title, 'utf8').catch((error) => {
      throw fileError(error, title, 'read');
    });
    entries = text
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
  }
  const known = new Map<string, number>();
  pairs.forEach(({ image }, i) => {
    const parts = relative(root, image).replaceAll('\\', '/').split('/');
    // A name that two photos share tells neither: it is marked by -1.
    for (let from = 0; from < parts.length; from++) {
      const path = parts.slice(from).join('/');
      for (const name of [path, path.slice(0, path.length - extname(path).length)])
        known.set(name, known.has(name) && known.get(name) !== i ? -1 : i);
    }
  });
  const missing: string[] = [];
  const found = entries.map((entry) => {
    const clean = entry.replaceAll('\\', '/').replace(/^\.\//, '');
    const at = known.get(clean) ?? known.get(clean.split(/[\s,;]/)[0]!) ?? -1;
    if (at < 0) missing.push(entry);
    return at;
  });
  if (missing.length > 0) {
    const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
    throw new Error(
      `${title} names ${missing.length} photo${missing.length > 1 ? 's' : ''} that ${root} does not have, or has twice: ${missing.slice(0, 3).join(', ')}${more}`,
    );
  }
  return [...new Set(found)].sort((a, b) => a - b);
}
