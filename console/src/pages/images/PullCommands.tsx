import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import Command from '../../components/Command';
import { useLanguage } from '../../i18n';
import type { Kind } from './kinds';
import { type Puller, pullCommand, pullersOf, reference } from './pull';

interface Properties {
  uri: string;
  kind: Kind;
  digest: string;
  tags: string[];
}

/** PullCommands are what fetches an image, by a tag and by its digest. */
export default function PullCommands({ uri, kind, digest, tags }: Properties) {
  const { t } = useLanguage();
  const pullers = pullersOf(kind);
  const [puller, choosePuller] = useState<Puller>(pullers[0]);
  const [chosen, choose] = useState(tags[0]);
  const tag = tags.includes(chosen) ? chosen : tags[0];
  const program = pullers.includes(puller) ? puller : pullers[0];
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="s" alignItems="end">
        {pullers.length > 1 && (
          <SegmentedControl
            label={t('images.program')}
            selectedId={program}
            onChange={(e) => choosePuller(pullers.find((one) => one === e.detail.selectedId) ?? pullers[0])}
            options={pullers.map((id) => ({ id, text: id }))}
          />
        )}
        {tags.length > 1 && (
          <FormField label={t('images.tag')}>
            <Select
              selectedOption={{ value: tag, label: tag }}
              options={tags.slice(0, 1000).map((one) => ({ value: one, label: one }))}
              filteringType="auto"
              onChange={(e) => choose(e.detail.selectedOption.value ?? tags[0])}
            />
          </FormField>
        )}
      </SpaceBetween>
      {tag && <Line label={t('images.pullByTag')} text={pullCommand(program, uri, { tag, digest })} />}
      <Line label={t('images.pullByDigest')} text={pullCommand(program, uri, { digest })} />
      <Line label={t('images.uri')} text={reference(uri, { tag, digest })} />
    </SpaceBetween>
  );
}

function Line({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <Box variant="awsui-key-label">{label}</Box>
      <Command line={text} />
    </div>
  );
}
