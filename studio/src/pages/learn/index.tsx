import { usePlace } from '../../lib/router.js';
import { Empty, Page } from '../../ui/index.js';
import { Cards } from './Cards.js';
import { NetworkPage } from './NetworkPage.js';
import { NETWORKS } from './places.js';
import './learn.css';
import './prose.css';
import './parts.css';
import './figures.css';

export default function Section() {
  const { parts } = usePlace();
  if (parts[1] === undefined) return <Cards />;
  const name = NETWORKS.find((n) => n === parts[1]);
  if (name) return <NetworkPage key={name} name={name} />;
  return (
    <Page title="Learn">
      <Empty title={`There is no page on "${parts[1]}"`}>
        <a href="#/learn">All pages</a>
      </Empty>
    </Page>
  );
}
