import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { FoundRepository } from '../../api/nifuda.gen';
import { useLanguage } from '../../i18n';
import { follow, go, href } from '../../lib/router';

interface Properties {
  /** How many rows there are; undefined until that is known. */
  shown?: number;
  more: boolean;
  selected: FoundRepository[];
  reload: () => void;
  open: (dialog: 'push' | 'delete') => void;
}

/** ListHeader is above the table: how many there are, and what can be done with those that are selected. */
export default function ListHeader({ shown, more, selected, reload, open }: Properties) {
  const { t } = useLanguage();
  const one = selected.length === 1 ? selected[0].RepositoryName : undefined;
  return (
    <Header
      variant="awsui-h1-sticky"
      counter={counter(shown, more, selected.length)}
      description={t('repositories.description')}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={reload} />
          <Button disabled={!one} onClick={() => open('push')}>
            {t('repositories.viewPush')}
          </Button>
          <ButtonDropdown
            disabled={selected.length === 0}
            items={[
              { id: 'edit', text: t('common.edit'), disabled: !one },
              { id: 'delete', text: t('common.delete') },
            ]}
            onItemClick={({ detail: { id } }) =>
              id === 'edit' ? go(href(`/repositories/${one}`, { edit: '1' })) : open('delete')
            }
          >
            {t('repositories.actions')}
          </ButtonDropdown>
          <Button variant="primary" href={href('/create-repository')} onFollow={follow}>
            {t('repositories.create')}
          </Button>
        </SpaceBetween>
      }
    >
      {t('repositories.title')}
    </Header>
  );
}

function counter(shown: number | undefined, more: boolean, selected: number) {
  if (shown === undefined) return undefined;
  return selected > 0 ? `(${selected}/${shown})` : `(${shown}${more ? '+' : ''})`;
}
