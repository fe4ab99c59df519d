import { Empty, Page } from '../../ui/index.js';

export default function Section() {
  return (
    <Page title="Networks">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
