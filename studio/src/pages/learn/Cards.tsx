import type { ReactNode } from 'react';
import { href } from '../../lib/router.js';
import { Page } from '../../ui/index.js';
import { CARDS } from './docs.js';
import { NETWORKS, type NetworkName } from './places.js';

/** The four networks as cards. */
export function Cards() {
  return (
    <Page title="Learn" about="Four networks, their ideas, and figures that compute while you look.">
      <div className="learn-cards">
        {NETWORKS.map((name) => {
          const { title, year, paper, about, try: figures } = CARDS[name];
          return (
            <a key={name} className="card learn-card" href={href(['learn', name])}>
              <div className="emblem">{EMBLEMS[name]}</div>
              <div className="words">
                <h2>
                  {title} <span>{year}</span>
                </h2>
                <p className="about">{about}</p>
                <ul>
                  {figures.map((figure) => (
                    <li key={figure}>{figure}</li>
                  ))}
                </ul>
                <p className="paper">{paper}</p>
              </div>
            </a>
          );
        })}
      </div>
    </Page>
  );
}

/** A feature map in a row of shrinking ones: a slanted plate. */
const plate = (x: number, y: number, size: number, colour: string, key: number) => (
  <path
    key={key}
    d={`M${x} ${y} l${size * 0.5} ${-size * 0.26} v${size} l${-size * 0.5} ${size * 0.26} z`}
    fill={`var(${colour})`}
    stroke="var(--surface)"
    strokeWidth="1.2"
  />
);
const stack = (x: number, middle: number, size: number, count: number, colour: string) =>
  Array.from({ length: count }, (_, i) => plate(x + i * 6, middle - size / 2, size, colour, x * 100 + i));

/** A plain box, for towers. */
const box = (x: number, y: number, w: number, h: number, colour: string, key?: number) => (
  <rect key={key} x={x} y={y} width={w} height={h} rx="3" fill={`var(${colour})`} />
);

const Drawing = ({ children }: { children: ReactNode }) => (
  <svg viewBox="0 0 320 150" aria-hidden="true">
    {children}
  </svg>
);

const EMBLEMS: Readonly<Record<NetworkName, ReactNode>> = {
  lenet: (
    <Drawing>
      {stack(18, 78, 84, 1, '--line-strong')}
      {stack(82, 78, 68, 4, '--train')}
      {stack(148, 78, 40, 4, '--valid')}
      {stack(196, 78, 32, 6, '--train')}
      {stack(252, 78, 18, 6, '--valid')}
      {box(300, 42, 6, 72, '--series-4')}
    </Drawing>
  ),
  vgg: (
    <Drawing>
      {[
        [20, 120, 2, 7],
        [62, 92, 2, 9],
        [110, 68, 3, 11],
        [172, 48, 3, 14],
        [244, 32, 3, 14],
      ].map(([x, size, count, wide]) =>
        Array.from({ length: count! + 1 }, (_, i) =>
          box(x! + i * (wide! + 3), 75 - size! / 2, wide!, size!, i === count ? '--valid' : '--train', x! + i),
        ),
      )}
    </Drawing>
  ),
  googlenet: (
    <Drawing>
      {[0, 1].map((k) => (
        <g key={k} transform={`translate(${k * 150} 0)`}>
          <path
            d="M36 75 C52 75 48 24 62 24 M36 75 C52 75 48 58 62 58 M36 75 C52 75 48 92 62 92 M36 75 C52 75 48 126 62 126 M122 24 C140 24 136 75 150 75 M122 58 C140 58 136 75 150 75 M122 92 C140 92 136 75 150 75 M122 126 C140 126 136 75 150 75"
            fill="none"
            stroke="var(--line-strong)"
            strokeWidth="1.6"
          />
          {box(22, 58, 14, 34, '--series-8')}
          {box(76, 15, 34, 18, '--train')}
          {box(62, 49, 26, 18, '--train')}
          {box(94, 49, 32, 18, '--train')}
          {box(62, 83, 20, 18, '--train')}
          {box(88, 83, 40, 18, '--train')}
          {box(62, 117, 26, 18, '--valid')}
          {box(94, 117, 28, 18, '--train')}
        </g>
      ))}
      {box(306, 58, 14, 34, '--series-8')}
    </Drawing>
  ),
  unet: (
    <Drawing>
      {[0, 1, 2, 3].map((level) => {
        const [x, y, h] = [28 + level * 36, 12 + level * 34, 30 - level * 5];
        const right = 320 - x - 12;
        return (
          <g key={level}>
            {level < 3 && (
              <path
                d={`M${x + 18} ${y + h / 2} H${right - 6}`}
                stroke="var(--line-strong)"
                strokeWidth="2"
                strokeDasharray="4 4"
              />
            )}
            {box(x, y, 12, h, '--train')}
            {box(right, y, 12, h, level === 3 ? '--train' : '--good')}
            {level < 3 && (
              <path
                d={`M${x + 6} ${y + h} V${y + 46} H${x + 32} M${right + 6} ${y + h} V${y + 46} H${right - 20}`}
                fill="none"
                stroke="var(--valid)"
                strokeWidth="2"
              />
            )}
            {level === 3 && <path d={`M${x + 12} ${y + h / 2} H${right}`} stroke="var(--train)" strokeWidth="2" />}
          </g>
        );
      })}
    </Drawing>
  ),
};
