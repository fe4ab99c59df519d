import './networks.css';
import { usePlace } from '../../lib/router.js';
import { Detail } from './detail.js';
import { Gallery } from './gallery.js';

/** `#/networks`, `#/networks/NAME` and `#/networks/run/ID`. */
export default function Section() {
  const { parts } = usePlace();
  const [, first, second] = parts;
  if (first === undefined) return <Gallery />;
  if (first === 'run' && second !== undefined) return <Detail key={`run ${second}`} run={second} name={second} />;
  return <Detail key={first} name={first} />;
}
