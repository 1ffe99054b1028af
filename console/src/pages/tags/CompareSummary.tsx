import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import { bytes } from '../../lib/format';
import DigestLink from './DigestLink';
import { layersDiff, sizeOf } from './diff';
import { signed } from './signed';
import type { Compared } from './useComparison';

/** CompareSummary says which two images are compared, and how their sizes differ. */
export function CompareSummary({
  repository,
  left,
  right,
}: {
  repository: string;
  left: Compared;
  right: Compared;
}) {
  const { t, locale } = useLanguage();
  const layers = left.side && right.side ? layersDiff(left.side, right.side) : [];
  const sum = (side: 'both' | 'left' | 'right') =>
    bytes(
      layers.filter((one) => one.side === side).reduce((total, { size }) => total + size, 0),
      locale,
    );
  const difference = left.side && right.side ? sizeOf(right.side) - sizeOf(left.side) : undefined;
  return (
    <Container header={<Header variant="h2">{t('common.summary')}</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          {
            label: `${t('tags.left')}: ${left.reference}`,
            value: <Facts repository={repository} one={left} />,
          },
          {
            label: `${t('tags.right')}: ${right.reference}`,
            value: <Facts repository={repository} one={right} />,
          },
          {
            label: t('tags.sizeDifference'),
            value: difference === undefined ? '–' : signed(difference, locale),
          },
          { label: t('tags.onlyLeft'), value: sum('left') },
          { label: t('tags.onlyRight'), value: sum('right') },
          { label: t('tags.shared'), value: sum('both') },
        ]}
      />
    </Container>
  );
}

function Facts({ repository, one }: { repository: string; one: Compared }) {
  const { t, locale } = useLanguage();
  const size = one.side ? sizeOf(one.side) : one.image.size;
  return (
    <>
      <DigestLink repository={repository} digest={one.image.digest} />
      <Box color="text-body-secondary" fontSize="body-s">
        {t('tags.pushedAt')} <Time at={one.image.pushedAt} /> · {bytes(size, locale)}
      </Box>
    </>
  );
}
