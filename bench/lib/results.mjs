import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const saved = fileURLToPath(new URL('../results', import.meta.url));

/**
 * Saved results, from files and folders of them; without any, everything in bench/results. Results of an older form of
 * the benchmark are left out where a folder was given, and said to be.
 */
export function loadResults(paths) {
  const results = (paths.length > 0 ? paths : [saved]).flatMap((path) => {
    if (!existsSync(path)) throw new Error(`there is no ${path}; \`npm run bench\` saves results in bench/results`);
    if (!statSync(path).isDirectory()) return read(path);
    const files = readdirSync(path).filter((name) => name.endsWith('.json'));
    return files.sort().flatMap((name) => {
      try {
        return read(join(path, name));
      } catch (error) {
        process.stderr.write(`left out: ${error.message}\n`);
        return [];
      }
    });
  });
  if (results.length === 0) throw new Error('there are no saved results: `npm run bench` makes them');
  return results;
}

/** One result, or several in an array. */
function read(file) {
  const content = [JSON.parse(readFileSync(file, 'utf8'))].flat();
  for (const result of content)
    if (!result.workload || !Array.isArray(result.rows) || !('ofLimit' in (result.rows[0] ?? {})))
      throw new Error(`${file} holds no result of this benchmark, or one of an older form: run it again`);
  return content;
}
