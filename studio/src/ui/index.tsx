import { type ReactNode, useId } from 'react';

/** A page: heading (behind the section that it belongs to), what stands at its right, content. */
export function Page({
  up,
  title,
  about,
  end,
  children,
}: {
  up?: { readonly name: string; readonly href: string };
  title: ReactNode;
  about?: ReactNode;
  end?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="page">
      <header>
        <h1>
          {up && (
            <>
              <a href={up.href} className="up">
                {up.name}
              </a>
              <span className="up-mark" aria-hidden="true">
                /
              </span>
            </>
          )}
          {title}
        </h1>
        {about !== undefined && <p>{about}</p>}
        {end !== undefined && <div className="end">{end}</div>}
      </header>
      {children}
    </div>
  );
}

/** A surface with a heading. */
export function Card({
  title,
  end,
  className = '',
  children,
}: {
  title?: ReactNode;
  end?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section className={`card ${className}`}>
      {(title !== undefined || end !== undefined) && (
        <header>
          {title !== undefined && <h2>{title}</h2>}
          {end !== undefined && <div className="end">{end}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** A label with its field, help and what is wrong with it, bound together for screen readers. */
export function Field({
  label,
  help,
  error,
  children,
}: {
  label: ReactNode;
  help?: ReactNode;
  error?: string | undefined;
  children: (bind: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': `${id}-help`, 'aria-invalid': error !== undefined })}
      <div id={`${id}-help`}>
        {error !== undefined ? (
          <div className="error">{error}</div>
        ) : (
          help !== undefined && <div className="help">{help}</div>
        )}
      </div>
    </div>
  );
}

/** One of a few choices. */
export function Segmented<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly (readonly [value: T, text: ReactNode])[];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className="segmented" aria-label={label} style={{ margin: 0 }}>
      {options.map(([v, text]) => (
        <button key={v} type="button" aria-pressed={v === value} onClick={() => onChange(v)}>
          {text}
        </button>
      ))}
    </fieldset>
  );
}

/** What is said in place of something that is not there. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** One sentence about what went wrong or deserves attention. */
export function Notice({ kind = 'warn', children }: { kind?: 'warn' | 'bad' | 'plain'; children: ReactNode }) {
  return (
    <div className={`notice ${kind}`} role={kind === 'bad' ? 'alert' : undefined}>
      {children}
    </div>
  );
}

/** Holds the place of what is being fetched. */
export const Loading = ({ what = 'Loading' }: { what?: string }) => (
  <div className="empty" role="status">
    {what} …
  </div>
);

/** A measured number with its name. */
export const Figure = ({ name, children }: { name: string; children: ReactNode }) => (
  <div className="figure">
    <b>{children}</b>
    <span>{name}</span>
  </div>
);

export function Progress({ value, label }: { value: number; label: string }) {
  const percent = Math.round(1000 * Math.min(1, Math.max(0, value))) / 10;
  return (
    <div
      className="bar"
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <i style={{ width: `${percent}%` }} />
    </div>
  );
}
