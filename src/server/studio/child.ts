import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a process of ours ended: exit code and what it answered. */
export interface Ended {
  readonly code: number | null;
  /** The object of `--json`, if it gave one. */
  readonly answer: Readonly<Record<string, unknown>> | undefined;
  /** Why it failed, one sentence. */
  readonly sentence: string;
}

/**
 * A `fovea` of its own. It leads a group of its own, so that Ctrl-C in the studio's terminal reaches it through the studio
 * only: a second one would end it before it has saved. What it says goes into files: it lives on if the studio does not.
 */
export class FoveaChild {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  private readonly folder: string;

  constructor(program: string, args: readonly string[]) {
    this.folder = mkdtempSync(join(tmpdir(), 'fovea-studio-'));
    const out = openSync(join(this.folder, 'out'), 'w');
    const err = openSync(join(this.folder, 'err'), 'w');
    this.process = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', out, err],
      detached: process.platform !== 'win32',
      windowsHide: true,
      env: { ...process.env, NO_COLOR: '1' },
    });
    closeSync(out);
    closeSync(err);
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, failure?: string) => {
        resolve({ code, ...this.result(failure) });
        rmSync(this.folder, { recursive: true, force: true });
      };
      this.process.once('error', (error) => end(null, `fovea train cannot be started: ${error.message}`));
      this.process.once('exit', (code) => end(code));
    });
  }

  /** The last line that it said, without the warnings. */
  lastLine(): string | undefined {
    return this.lines()
      .filter((line) => !/^(warning|error): /.test(line))
      .at(-1);
  }

  private lines(): string[] {
    return this.read('err')
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  }

  private read(name: string): string {
    try {
      return readFileSync(join(this.folder, name), 'utf8');
    } catch {
      return '';
    }
  }

  private result(failure: string | undefined): Omit<Ended, 'code'> {
    let answer: Ended['answer'];
    try {
      answer = JSON.parse(this.read('out')) as Ended['answer'];
    } catch {
      // It gave none: it was wrong usage, or it was killed.
    }
    const lines = this.lines();
    const said = lines.findLast((line) => line.startsWith('error: '))?.slice('error: '.length);
    const told = typeof answer?.error === 'string' ? answer.error : said;
    return { answer, sentence: failure ?? told ?? lines.at(-1) ?? 'fovea train ended without saying why' };
  }
}
