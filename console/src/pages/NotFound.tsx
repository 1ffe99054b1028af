import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useLanguage } from '../i18n';
import { follow, href } from '../lib/router';

export default function NotFound() {
  const { t } = useLanguage();
  return (
    <Box textAlign="center" padding="xxxl">
      <SpaceBetween size="m">
        <Box variant="h1">{t('common.notFound')}</Box>
        <Box variant="p">{t('common.notFoundText')}</Box>
        <Button href={href('/repositories')} onFollow={follow}>
          {t('common.toRepositories')}
        </Button>
      </SpaceBetween>
    </Box>
  );
}
