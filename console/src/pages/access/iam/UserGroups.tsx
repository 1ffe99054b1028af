import { AddUserToGroupCommand, ListGroupsForUserCommand } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import ErrorAlert from '../../../components/ErrorAlert';
import { useLoad } from '../../../lib/load';
import { follow, href } from '../../../lib/router';
import StepDialog from '../StepDialog';
import { type Step, step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { leave } from './deletion';
import GroupPicker from './GroupPicker';

/** UserGroups are the groups that a user is in. */
export default function UserGroups({ user }: { user: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const { data, error, loading, reload } = useLoad(
    async (abortSignal) =>
      (await iam.send(new ListGroupsForUserCommand({ UserName: user, MaxItems: 100 }), { abortSignal }))
        .Groups ?? [],
    [iam, user],
  );
  const [joining, setJoining] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const [left, setLeft] = useState<Step>();
  const [leaving, setLeaving] = useState(false);
  const join = (GroupName: string) =>
    step('iam', 'add-user-to-group', { GroupName, UserName: user }, (input) =>
      iam.send(new AddUserToGroupCommand(input)),
    );
  return (
    <SpaceBetween size="m">
      <ErrorAlert error={error} retry={reload} />
      <Table
        loading={loading && !data}
        loadingText={t('common.loading')}
        items={data ?? []}
        trackBy="GroupName"
        wrapLines
        ariaLabels={{ tableLabel: t('access.groups') }}
        empty={t('iam.inNoGroup')}
        header={
          <Header
            variant="h2"
            counter={data && `(${data.length})`}
            actions={
              <Button
                onClick={() => {
                  setChosen([]);
                  setJoining(true);
                }}
              >
                {t('iam.addToGroups')}
              </Button>
            }
          >
            {t('access.groups')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'name',
            header: t('iam.group'),
            isRowHeader: true,
            cell: ({ GroupName = '' }) => (
              <Link href={href(`/groups/${GroupName}`)} onFollow={follow}>
                {GroupName}
              </Link>
            ),
          },
          {
            id: 'action',
            header: t('iam.actions'),
            cell: ({ GroupName = '' }) => (
              <Button
                variant="inline-link"
                ariaLabel={`${t('iam.remove')} ${GroupName}`}
                onClick={() => {
                  setLeft(leave(iam, GroupName, user));
                  setLeaving(true);
                }}
              >
                {t('iam.remove')}
              </Button>
            ),
          },
        ]}
      />
      <StepDialog
        visible={joining}
        header={t('iam.addToGroups')}
        submit={t('iam.add')}
        steps={chosen.map(join)}
        onClose={() => setJoining(false)}
        onDone={reload}
      >
        {joining && <GroupPicker chosen={chosen} onChange={setChosen} />}
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
    </SpaceBetween>
  );
}
