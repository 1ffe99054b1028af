import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import type { Key } from '../../i18n/messages';
import type { Pair } from '../../lib/json';
import type { Configuration } from './config';
import JsonView from './JsonView';
import { kindOf } from './kinds';
import LongText from './LongText';
import type { LoadedImage } from './loadImage';
import { platformName } from './manifest';
import PairsTable from './PairsTable';

/** ConfigView is the configuration of an image: how it is run, or of other artifacts what it says. */
export default function ConfigView({ image }: { image: LoadedImage }) {
  const { t } = useLanguage();
  const { content, configuration, manifest } = image;
  if (content.ConfigurationDamaged) return <Alert type="error">{t('images.configDamaged')}</Alert>;
  if (!content.Configuration) return <Box color="text-status-inactive">{t('images.noConfig')}</Box>;
  const json = (
    <JsonView
      json={content.Configuration}
      name={`${(manifest?.config?.digest ?? 'config').replace(':', '-')}.json`}
      label={t('images.config')}
    />
  );
  const runs = kindOf({ artifactType: content.ConfigurationMediaType }) === 'image';
  if (!configuration || !runs) return json;
  return (
    <SpaceBetween size="l">
      <Run configuration={configuration} />
      <PairsTable
        titled
        label={t('images.env')}
        pairs={configuration.env.map(variable)}
        empty={t('images.nothing')}
      />
      <PairsTable
        titled
        label={t('images.labels')}
        pairs={configuration.labels}
        empty={t('images.nothing')}
      />
      <ExpandableSection headerText={t('images.asJson')}>{json}</ExpandableSection>
    </SpaceBetween>
  );
}

function variable(line: string): Pair {
  const at = line.indexOf('=');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}

const words = (list: string[]) =>
  list.length > 0 && (
    <Box variant="code">
      <LongText text={JSON.stringify(list)} />
    </Box>
  );

const names = (list: string[]) => list.length > 0 && <LongText text={list.join(', ')} />;

function Run({ configuration: c }: { configuration: Configuration }) {
  const { t } = useLanguage();
  const rows: [Key, ReactNode][] = [
    ['images.platform', platformName(c.platform)],
    ['images.created', c.created && <Time at={c.created} exact />],
    ['images.author', c.author && <LongText text={c.author} />],
    ['images.entrypoint', words(c.entrypoint)],
    ['images.cmd', words(c.cmd)],
    ['images.workingDir', c.workingDir && <LongText text={c.workingDir} />],
    ['images.user', c.user && <LongText text={c.user} />],
    ['images.ports', names(c.ports)],
    ['images.volumes', names(c.volumes)],
    ['images.stopSignal', c.stopSignal && <LongText text={c.stopSignal} />],
    ['images.health', words(c.health)],
  ];
  return (
    <KeyValuePairs columns={3} items={rows.map(([key, value]) => ({ label: t(key), value: value || '-' }))} />
  );
}
