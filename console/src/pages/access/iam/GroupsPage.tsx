import { CreateGroupCommand, ListGroupsCommand } from '@aws-sdk/client-iam';
import { useState } from 'react';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { usePaging } from '../../../lib/paging';
import { go, href } from '../../../lib/router';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { groupDeletion } from './deletion';
import Entities from './Entities';
import NameField from './NameField';
import { validName } from './names';

/** GroupsPage lists the groups of the account. */
export default function GroupsPage() {
  const { t } = useTexts();
  const iam = useIam();
  const paging = usePaging();
  const page = useLoad(
    async (abortSignal) => {
      const input = { MaxItems: paging.size, Marker: paging.token };
      const found = await iam.send(new ListGroupsCommand(input), { abortSignal });
      return { items: found.Groups ?? [], next: found.IsTruncated ? found.Marker : undefined };
    },
    [iam, paging.size, paging.token],
  );
  const [creating, setCreating] = useState(false);
  const [name, setName] = useState('');
  const create = step('iam', 'create-group', { GroupName: name }, (i) => iam.send(new CreateGroupCommand(i)));
  return (
    <>
      <Entities
        title={t('access.groups')}
        description={t('iam.groupsText')}
        empty={t('iam.noGroups')}
        column={t('iam.group')}
        create={t('iam.createGroup')}
        onCreate={() => {
          setName('');
          setCreating(true);
        }}
        page={page}
        paging={paging}
        nameOf={({ GroupName = '' }) => GroupName}
        pathOf={({ GroupName }) => `/groups/${GroupName}`}
        columns={[
          { id: 'path', header: t('iam.path'), cell: ({ Path }) => Path },
          { id: 'created', header: t('iam.created'), cell: ({ CreateDate }) => <Time at={CreateDate} /> },
        ]}
        deletion={({ GroupName = '' }) => groupDeletion(iam, GroupName)}
      />
      <StepDialog
        visible={creating}
        header={t('iam.createGroup')}
        submit={t('common.create')}
        steps={validName(name, 128) ? [create] : []}
        onClose={() => setCreating(false)}
        onDone={() => go(href(`/groups/${name}`))}
      >
        <NameField label={t('iam.group')} value={name} onChange={setName} most={128} />
      </StepDialog>
    </>
  );
}
