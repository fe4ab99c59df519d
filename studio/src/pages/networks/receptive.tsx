import { type Seen, type Sight, seenFrom } from './model/sees.js';

/** What the middle value of a layer sees, to scale on the input. */
export function Receptive({
  sight,
  image,
  map,
}: {
  sight: Sight;
  image: readonly [number, number];
  map: readonly [number, number];
}) {
  const seen = seenFrom(sight, [(map[0] - 1) / 2, (map[1] - 1) / 2], image);
  const [h, w] = sight.size.map(Math.round);
  const words = sight.whole
    ? 'Each value sees the whole image.'
    : `One value sees ${h} × ${w} pixels of the ${image[0]} × ${image[1]} image${seen.cut ? ', more than there are: the rest is border' : ''}; its neighbour looks ${round(sight.jump[0])} pixel${round(sight.jump[0]) === 1 ? '' : 's'} on.`;
  return (
    <div className="net-receptive">
      <svg viewBox={`-1 -1 ${image[1] + 2} ${image[0] + 2}`} role="img" aria-label={words}>
        <rect width={image[1]} height={image[0]} className="image" />
        <SeenRect seen={seen} />
      </svg>
      <p className="muted small">{words}</p>
    </div>
  );
}

const round = (n: number) => Math.round(100 * n) / 100;

export const SeenRect = ({ seen }: { seen: Seen }) => (
  <rect className="seen" x={seen.left} y={seen.top} width={seen.width} height={seen.height} />
);
