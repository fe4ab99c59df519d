// A peer: a process of its own that answers one JSON line to each JSON command line. The commands (all sides):
//   prepare {network, batch, input, classes, mode, threads, weights, ...settings}  -> {name, threads, startBytes}
//   check   {}       -> {outputs: [...]} in inference, {losses: [step 1, step 2]} in training (dropout off)
//   time    {steps}  -> {ms: [one step each], peakBytes}
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('..', import.meta.url));

export class Peer {
  /**
   * @param {{label: string, command: string, args: string[], settings?: object, slow?: boolean}} spec
   *   `slow`: takes so long that it is timed alone, after the others, and a few times only
   * @param {NodeJS.ProcessEnv} env
   */
  constructor({ label, command, args, settings = {}, slow = false }, env) {
    Object.assign(this, { label, settings, slow, ms: [] });
    this.process = spawn(command, args, { cwd: bench, stdio: ['pipe', 'pipe', 'pipe'], env });
    this.errors = '';
    this.process.stderr.on('data', (d) => {
      this.errors = `${this.errors}${d}`.slice(-4000);
    });
    this.process.on('error', (e) => {
      this.errors = e.message;
    });
    // A peer that has ended cannot be written to; what it said is in `errors`.
    this.process.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => this.process.on('close', resolve));
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /**
   * Sends a command and waits for the answer. Throws the peer's last words if it ends, and ends it if it takes longer
   * than `seconds`: `what` then says what did.
   */
  async ask(command, { seconds = 900, what = command.cmd } = {}) {
    let timer;
    let late = false;
    if (this.process.exitCode === null) {
      timer = setTimeout(() => {
        late = true;
        this.process.kill('SIGKILL');
      }, seconds * 1000);
      this.process.stdin.write(`${JSON.stringify(command)}\n`);
    }
    const { value, done } = await this.lines.next();
    clearTimeout(timer);
    if (late) throw new Error(`${what} took longer than ${seconds} s`);
    if (done) {
      await this.ended;
      throw new Error(lastWords(this.errors) || 'it ended without a word');
    }
    return JSON.parse(value);
  }

  async end() {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** The line that says what went wrong: the last one that names an error, else the last one. */
function lastWords(text) {
  const lines = text
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l && !l.startsWith('at ') && !l.startsWith('Node.js v'));
  return lines.findLast((l) => /(error|exception)\b.*:/i.test(l)) ?? lines.at(-1);
}
