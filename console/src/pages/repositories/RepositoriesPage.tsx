import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import Table from '@cloudscape-design/components/table';
import { useClients } from '../../api/clients';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import { follow, href } from '../../lib/router';

export default function RepositoriesPage() {
  const { t } = useLanguage();
  const { own } = useClients();
  const { data, error, loading, reload } = useLoad((signal) => own('SearchRepositories', {}, signal), [own]);
  if (error) return <ErrorAlert error={error} retry={reload} />;
  return (
    <Table
      variant="full-page"
      loading={loading}
      loadingText={t('common.loading')}
      items={data?.Repositories ?? []}
      header={<Header variant="awsui-h1-sticky">{t('repositories.title')}</Header>}
      columnDefinitions={[
        {
          id: 'name',
          header: t('repositories.title'),
          isRowHeader: true,
          cell: (r) => (
            <Link href={href(`/repositories/${r.RepositoryName}`)} onFollow={follow}>
              {r.RepositoryName}
            </Link>
          ),
        },
      ]}
    />
  );
}
