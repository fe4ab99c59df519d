import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The sources as plain JavaScript in a temporary directory, so that a child process can run them. */
export class Compiled {
  readonly directory = mkdtempSync(join(tmpdir(), 'fovea-kill-'));

  constructor() {
    const files = [
      ...typescriptFiles(join(root, 'src')),
      ...['kill.child.ts', 'support.ts'].map((f) => join(root, 'test/train', f)),
    ];
    const compilerOptions = {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    };
    for (const file of files) {
      const to = join(this.directory, relative(root, file)).replace(/\.ts$/, '.js');
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions }).outputText);
    }
    writeFileSync(join(this.directory, 'package.json'), '{"type":"module"}');
  }

  /** A new empty directory for a run. */
  runDirectory(name: string): string {
    return join(this.directory, 'runs', name);
  }

  /**
   * Trains in a child process until the end (exit code 0) or until `kill` or a failure point ends it.
   * @param die kills the process at this numbered point inside a write, from 1; `points` counts those that were passed
   * @param after kills it so many milliseconds after its first step
   */
  async train(
    out: string,
    { resume = false, die = 0, after }: { resume?: boolean; die?: number; after?: number } = {},
  ) {
    const script = join(this.directory, 'test/train/kill.child.js');
    return new Promise<{ killed: boolean; points: number; output: string }>((resolve, reject) => {
      const child = execFile(
        process.execPath,
        [script, out, resume ? 'resume' : 'new', String(die)],
        (error, stdout, stderr) => {
          const killed = error?.signal === 'SIGKILL';
          if (error && !killed) reject(new Error(`the child failed: ${stderr}`));
          else resolve({ killed, points: Number(/points (\d+)/.exec(stdout)?.[1] ?? 0), output: stdout });
        },
      );
      if (after === undefined) return;
      let begun = false;
      child.stdout!.on('data', () => {
        if (!begun) setTimeout(() => child.kill('SIGKILL'), after);
        begun = true;
      });
    });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function* typescriptFiles(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* typescriptFiles(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}
