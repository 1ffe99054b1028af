import Link from '@cloudscape-design/components/link';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { TableProps } from '@cloudscape-design/components/table';
import type { FoundTag } from '../../api/nifuda.gen';
import Time from '../../components/Time';
import Who from '../../components/Who';
import type { Locale, Translate } from '../../i18n/messages';
import { bytes } from '../../lib/format';
import { judge, type TagSetting } from '../../lib/immutability';
import { follow, href } from '../../lib/router';
import DigestLink from './DigestLink';

/** tagColumns are what the table of tags shows. */
export const tagColumns = (
  repository: string,
  setting: TagSetting | undefined,
  t: Translate,
  locale: Locale,
): TableProps.ColumnDefinition<FoundTag>[] => [
  {
    id: 'tag',
    header: t('tags.tag'),
    isRowHeader: true,
    width: 150,
    minWidth: 120,
    cell: (tag) => (
      <Link href={href(`/repositories/${repository}`, { tag: tag.ImageTag })} onFollow={follow}>
        {tag.ImageTag}
      </Link>
    ),
  },
  {
    id: 'digest',
    header: t('tags.pointsAt'),
    width: 190,
    cell: (tag) => <DigestLink repository={repository} digest={tag.ImageDigest} />,
  },
  { id: 'moved', header: t('tags.movedAt'), width: 148, cell: (tag) => <Time at={tag.ChangedAt} /> },
  { id: 'by', header: t('tags.by'), width: 110, cell: (tag) => <Who arn={tag.ActorArn} /> },
  {
    id: 'protected',
    header: t('tags.protection'),
    width: 170,
    cell: (tag) => setting && <Protection setting={setting} tag={tag.ImageTag} t={t} />,
  },
  { id: 'size', header: t('tags.size'), width: 95, cell: (tag) => bytes(tag.Size, locale) },
  { id: 'pushed', header: t('tags.pushedAt'), width: 148, cell: (tag) => <Time at={tag.PushedAt} /> },
];

/** Protection says whether a tag may be moved, and which filter decides that. */
export function Protection({ setting, tag, t }: { setting: TagSetting; tag: string; t: Translate }) {
  const { movable, filter } = judge(setting, tag);
  const text = t(movable ? 'tags.movable' : 'tags.protected');
  return (
    <StatusIndicator
      type={movable ? 'info' : 'success'}
      colorOverride={movable ? 'grey' : undefined}
      wrapText
    >
      {filter === undefined ? text : t('tags.byFilter', { verdict: text, filter })}
    </StatusIndicator>
  );
}
