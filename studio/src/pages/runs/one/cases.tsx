import { useState } from 'react';
import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { Card } from '../../../ui/index.js';
import { Enlarged, fileAddress, type Picture } from './pictures.js';

const TITLES: readonly (readonly [key: string, title: string, about: string])[] = [
  ['worst', 'Worst cases', 'Where the network is furthest from the truth'],
  ['best', 'Best cases', 'Where it comes closest'],
  ['samples', 'Samples', 'Pictures of the validation data, as they came'],
];

/** Pictures of what the network is worst and best at. */
export default function Cases({ run }: { run: RunDetail }) {
  const [large, setLarge] = useState<number>();
  // The samples of the end are the last of the sheets over time.
  const there = TITLES.filter(([key]) => run.pictures[key] && (key !== 'samples' || run.sheets.length === 0));
  const pictures = there.map(([key, title]): Picture => ({ address: fileAddress(run, run.pictures[key]!), title }));
  return (
    <div className="columns" style={{ '--least': '460px' } as never}>
      {there.map(([key, title, about], i) => (
        <Card key={key} title={title} end={<span className="muted small">{about}</span>}>
          <PictureButton picture={pictures[i]!} open={() => setLarge(i)} />
        </Card>
      ))}
      {large !== undefined && (
        <Enlarged pictures={pictures} at={large} move={setLarge} close={() => setLarge(undefined)} />
      )}
    </div>
  );
}

/** A picture that is enlarged by a click. */
export const PictureButton = ({ picture, open }: { picture: Picture; open: () => void }) => (
  <button type="button" className="picture" aria-label={`Enlarge: ${picture.title}`} onClick={open}>
    <img src={picture.address} alt={picture.title} loading="lazy" decoding="async" />
  </button>
);
