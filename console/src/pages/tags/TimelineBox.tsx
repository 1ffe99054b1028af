import type { ImageDetail } from '@aws-sdk/client-ecr';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import type { TagChange } from '../../api/nifuda.gen';
import { useLanguage } from '../../i18n';
import { absolute } from '../../lib/format';
import { setQuery, usePlace } from '../../lib/router';
import { ChangeFacts } from './ChangeFacts';
import Timeline from './Timeline';
import { type Range, shifted, wholeOf, within, zoomed } from './timeline';

interface Properties {
  repository: string;
  history: TagChange[];
  details: Map<string, ImageDetail>;
  onRestore: (change: TagChange) => void;
}

/** TimelineBox is the timeline with what zooms it, and the facts of the entry that is looked at. The range is in the URL. */
export default function TimelineBox({ repository, history, details, onRestore }: Properties) {
  const { t, locale } = useLanguage();
  const { query } = usePlace();
  const [now] = useState(() => Date.now() / 1000);
  const [looked, setLooked] = useState<TagChange>();
  const entry = Number(query.get('entry'));
  const selected = history.find(({ Sequence }) => Sequence === entry) ?? history[0];
  const whole = wholeOf(history, Math.max(now, history[0].ChangedAt));
  const range = within(rangeOf(query) ?? whole, whole);
  const show = (next: Range) => {
    const { from, to } = within(next, whole);
    setQuery({ from: from.toFixed(3), to: to.toFixed(3) });
  };
  const all = range.to - range.from >= whole.to - whole.from;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`${absolute(range.from, locale)} – ${absolute(range.to, locale)}`}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button
                iconName="angle-left"
                ariaLabel={t('tags.earlier')}
                disabled={all}
                onClick={() => show(shifted(range, -0.5))}
              />
              <Button
                iconName="zoom-in"
                ariaLabel={t('tags.zoomIn')}
                onClick={() => show(zoomed(range, 0.5))}
              />
              <Button
                iconName="zoom-out"
                ariaLabel={t('tags.zoomOut')}
                disabled={all}
                onClick={() => show(zoomed(range, 2))}
              />
              <Button
                iconName="angle-right"
                ariaLabel={t('tags.later')}
                disabled={all}
                onClick={() => show(shifted(range, 0.5))}
              />
              <Button disabled={all} onClick={() => setQuery({ from: undefined, to: undefined })}>
                {t('tags.allTime')}
              </Button>
            </SpaceBetween>
          }
        >
          {t('tags.timeline')}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Timeline
          history={history}
          now={now}
          range={range}
          onRange={show}
          selected={selected}
          onSelect={({ Sequence }) => setQuery({ entry: String(Sequence) })}
          onLook={setLooked}
        />
        <Box variant="small" color="text-body-secondary">
          {t('tags.timelineHint')}
        </Box>
        <ChangeFacts
          repository={repository}
          history={history}
          details={details}
          change={looked ?? selected}
          onRestore={() => onRestore(looked ?? selected)}
        />
      </SpaceBetween>
    </Container>
  );
}

function rangeOf(query: URLSearchParams): Range | null {
  const [from, to] = [Number(query.get('from')), Number(query.get('to'))];
  return from > 0 && to > from ? { from, to } : null;
}
