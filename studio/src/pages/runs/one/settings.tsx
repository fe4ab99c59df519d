import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { Card } from '../../../ui/index.js';
import { Command } from '../bits.js';
import { ago, capital } from '../words.js';

/** Warnings and what the doctor saw. */
export const NotesCard = ({ notes }: { notes: RunDetail['notes'] }) => (
  <Card title="Notes of the training">
    <ol className="notes">
      {notes.map(({ time, text, kind }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: notes are only added at the end
        <li key={i}>
          <span className={`badge ${kind === 'warning' ? 'interrupted' : ''}`}>
            {kind === 'warning' ? 'warning' : 'doctor'}
          </span>
          <span>{text}</span>
          <time className="small muted" dateTime={new Date(time).toISOString()}>
            {ago(time)}
          </time>
        </li>
      ))}
    </ol>
  </Card>
);

/** How the run was set up, and the line that does it again. */
export function SettingsTab({ run }: { run: RunDetail }) {
  const { config, settings } = run;
  const command = commandOf(config.extra);
  return (
    <>
      {command && (
        <Card title="Do it again">
          <Command>{command}</Command>
        </Card>
      )}
      <Card title="Settings">
        <table className="table settings">
          <tbody>
            {settings.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{capital(name)}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <details>
          <summary>Configuration file</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long text is scrolled by keyboard */}
          <pre tabIndex={0}>{JSON.stringify(config, null, 2)}</pre>
        </details>
      </Card>
    </>
  );
}

/** The command line that made the run, as one types it. */
function commandOf(extra: unknown): string | undefined {
  const command = (extra as { command?: unknown } | null | undefined)?.command;
  if (typeof command !== 'string' || command === '') return undefined;
  return command.startsWith('fovea ') ? `npx ${command}` : command;
}
