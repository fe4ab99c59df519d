import type { Agreement } from './agreement.js';
import type { PageEngine } from './engine.js';
import type { Answer } from './server.js';

/** One line about the two answers: whether they agree, or what keeps one of them. */
export function Says({
  page,
  server,
  agreement,
}: {
  page: PageEngine;
  server: Answer<unknown>;
  agreement: Agreement | undefined;
}) {
  return (
    <div className="try-says small" role="status">
      {agreement && !server.old && (
        <p className={agreement.agree ? 'good' : 'bad'}>
          <span aria-hidden="true">{agreement.agree ? '✓' : '≠'}</span> {agreement.sentence.replaceAll(' %', '\u00a0%')}
        </p>
      )}
      {page.progress !== undefined && <p className="muted">{page.progress} for this page …</p>}
      {page.problem !== undefined && <p className="muted">Only the server answers: {page.problem}</p>}
      {server.problem !== undefined && <p className="says-bad">The server gave no answer: {server.problem}</p>}
    </div>
  );
}
