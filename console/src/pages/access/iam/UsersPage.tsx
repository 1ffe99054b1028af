import { ListUsersCommand, type User } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Link from '@cloudscape-design/components/link';
import type { TableProps } from '@cloudscape-design/components/table';
import { useState } from 'react';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { usePaging } from '../../../lib/paging';
import { follow, go, href } from '../../../lib/router';
import DeleteWithSteps from '../DeleteWithSteps';
import Listing from '../Listing';
import { type TranslateText, useTexts } from '../useTexts';
import CreateUser from './CreateUser';
import { useIam } from './client';
import { userDeletion } from './deletion';

/** UsersPage lists the users of the account. */
export default function UsersPage() {
  const { t } = useTexts();
  const iam = useIam();
  const paging = usePaging();
  const page = useLoad(
    async (abortSignal) => {
      const input = { MaxItems: paging.size, Marker: paging.token };
      const found = await iam.send(new ListUsersCommand(input), { abortSignal });
      return { items: found.Users ?? [], next: found.IsTruncated ? found.Marker : undefined };
    },
    [iam, paging.size, paging.token],
  );
  const [creating, setCreating] = useState(false);
  const [doomed, setDoomed] = useState('');
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <Listing
        title={t('access.users')}
        description={t('iam.usersText')}
        columns={columns(t)}
        page={page}
        paging={paging}
        nameOf={({ UserName = '' }) => UserName}
        empty={t('iam.noUsers')}
        actions={(selected) => (
          <Button
            disabled={!selected}
            onClick={() => {
              setDoomed(selected?.UserName ?? '');
              setDeleting(true);
            }}
          >
            {t('common.delete')}
          </Button>
        )}
        create={
          <Button variant="primary" onClick={() => setCreating(true)}>
            {t('iam.createUser')}
          </Button>
        }
      />
      <CreateUser
        visible={creating}
        onClose={() => setCreating(false)}
        onDone={(name) => go(href(`/users/${name}`))}
      />
      <DeleteWithSteps
        name={doomed}
        visible={deleting}
        plan={() => userDeletion(iam, doomed)}
        onClose={() => setDeleting(false)}
        onDone={page.reload}
      />
    </>
  );
}

const columns = (t: TranslateText): TableProps.ColumnDefinition<User>[] => [
  {
    id: 'name',
    header: t('iam.user'),
    isRowHeader: true,
    cell: ({ UserName = '' }) => (
      <Link href={href(`/users/${UserName}`)} onFollow={follow}>
        {UserName}
      </Link>
    ),
  },
  { id: 'path', header: t('iam.path'), cell: ({ Path }) => Path },
  {
    id: 'used',
    header: t('iam.passwordUsed'),
    cell: ({ PasswordLastUsed }) => <Time at={PasswordLastUsed} />,
  },
  { id: 'created', header: t('iam.created'), cell: ({ CreateDate }) => <Time at={CreateDate} /> },
];
