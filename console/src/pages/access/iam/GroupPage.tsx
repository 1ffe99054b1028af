import { AddUserToGroupCommand, GetGroupCommand, ListUsersCommand } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import Multiselect from '@cloudscape-design/components/multiselect';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table from '@cloudscape-design/components/table';
import { useMemo, useState } from 'react';
import Copy from '../../../components/Copy';
import Pager from '../../../components/Pager';
import { useLoad } from '../../../lib/load';
import { usePaging } from '../../../lib/paging';
import { follow, go, href } from '../../../lib/router';
import DeleteWithSteps from '../DeleteWithSteps';
import Refused from '../Refused';
import StepDialog from '../StepDialog';
import { type Step, step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { groupDeletion, leave } from './deletion';
import { groupHolder } from './holder';
import Permissions from './Permissions';

/** GroupPage is a group: its users, and what they may do through it. */
export default function GroupPage({ name }: { name: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const paging = usePaging();
  const holder = useMemo(() => groupHolder(iam, name), [iam, name]);
  const [deleting, setDeleting] = useState(false);
  const { data, error, loading, reload } = useLoad(
    (abortSignal) => {
      const input = { GroupName: name, MaxItems: paging.size, Marker: paging.token };
      return iam.send(new GetGroupCommand(input), { abortSignal });
    },
    [iam, name, paging.size, paging.token],
  );
  const [adding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const [left, setLeft] = useState<Step>();
  const [leaving, setLeaving] = useState(false);
  const add = (UserName: string) =>
    step('iam', 'add-user-to-group', { GroupName: name, UserName }, (i) =>
      iam.send(new AddUserToGroupCommand(i)),
    );
  if (error && !data) return <Refused name={name} error={error} retry={reload} />;
  if (!data) return <Spinner size="large" />;
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={<Copy text={data.Group?.Arn ?? ''} label="ARN" />}
        actions={<Button onClick={() => setDeleting(true)}>{t('common.delete')}</Button>}
      >
        {name}
      </Header>
      <Table
        loading={loading}
        loadingText={t('common.loading')}
        items={data.Users ?? []}
        trackBy="UserName"
        wrapLines
        ariaLabels={{ tableLabel: t('access.users') }}
        empty={t('iam.noMembers')}
        pagination={<Pager paging={paging} next={data.IsTruncated ? data.Marker : undefined} />}
        header={
          <Header
            variant="h2"
            actions={
              <Button
                onClick={() => {
                  setChosen([]);
                  setAdding(true);
                }}
              >
                {t('iam.addUsers')}
              </Button>
            }
          >
            {t('access.users')}
          </Header>
        }
        columnDefinitions={[
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
          {
            id: 'action',
            header: t('iam.actions'),
            cell: ({ UserName = '' }) => (
              <Button
                variant="inline-link"
                ariaLabel={`${t('iam.remove')} ${UserName}`}
                onClick={() => {
                  setLeft(leave(iam, name, UserName));
                  setLeaving(true);
                }}
              >
                {t('iam.remove')}
              </Button>
            ),
          },
        ]}
      />
      <Permissions holder={holder} />
      <StepDialog
        visible={adding}
        header={t('iam.addUsers')}
        submit={t('iam.add')}
        steps={chosen.map(add)}
        onClose={() => setAdding(false)}
        onDone={reload}
      >
        {adding && <UserPicker chosen={chosen} onChange={setChosen} />}
      </StepDialog>
      <StepDialog
        visible={leaving}
        header={t('iam.remove')}
        submit={t('iam.remove')}
        steps={left ? [left] : []}
        onClose={() => setLeaving(false)}
        onDone={reload}
      >
        {t('iam.detachText')}
      </StepDialog>
      <DeleteWithSteps
        name={name}
        visible={deleting}
        plan={() => groupDeletion(iam, name)}
        onClose={() => setDeleting(false)}
        onDone={() => go(href('/groups'))}
      />
    </SpaceBetween>
  );
}

function UserPicker({ chosen, onChange }: { chosen: string[]; onChange: (names: string[]) => void }) {
  const { t } = useTexts();
  const iam = useIam();
  const { data, error, loading } = useLoad(
    (abortSignal) => iam.send(new ListUsersCommand({ MaxItems: 100 }), { abortSignal }),
    [iam],
  );
  return (
    <FormField label={t('access.users')} stretch>
      <Multiselect
        selectedOptions={chosen.map((value) => ({ value, label: value }))}
        onChange={(e) => onChange(e.detail.selectedOptions.map(({ value = '' }) => value))}
        options={(data?.Users ?? []).map(({ UserName }) => ({ value: UserName, label: UserName }))}
        filteringType="auto"
        placeholder={t('iam.chooseUsers')}
        statusType={error ? 'error' : loading ? 'loading' : 'finished'}
        loadingText={t('common.loading')}
        errorText={error instanceof Error ? error.message : undefined}
        empty={t('iam.noUsers')}
      />
    </FormField>
  );
}
