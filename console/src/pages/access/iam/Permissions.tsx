import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import ErrorAlert from '../../../components/ErrorAlert';
import { useLoad } from '../../../lib/load';
import { follow, href } from '../../../lib/router';
import StepDialog from '../StepDialog';
import type { Step } from '../steps';
import { useTexts } from '../useTexts';
import type { Holder } from './holder';
import InlinePolicy from './InlinePolicy';
import PolicyPicker from './PolicyPicker';

interface Properties {
  holder: Holder;
  /** The ARN of the permissions boundary, if there is one. */
  boundary?: string;
  onChanged?: () => void;
}

/** Permissions are the policies of a user, a group or a role. */
export default function Permissions({ holder, boundary, onChanged }: Properties) {
  return (
    <SpaceBetween size="l">
      <Attached holder={holder} />
      <Inline holder={holder} />
      {holder.boundary && <Boundary holder={holder} arn={boundary} onChanged={onChanged} />}
    </SpaceBetween>
  );
}

function Attached({ holder }: { holder: Holder }) {
  const { t } = useTexts();
  const { data, error, loading, reload } = useLoad(holder.attached, [holder]);
  const [choosing, setChoosing] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const [detached, setDetached] = useState<Step>();
  const [detaching, setDetaching] = useState(false);
  return (
    <>
      <ErrorAlert error={error} retry={reload} />
      <Table
        loading={loading && !data}
        loadingText={t('common.loading')}
        wrapLines
        items={data ?? []}
        trackBy="PolicyArn"
        ariaLabels={{ tableLabel: t('iam.attachedPolicies') }}
        empty={t('iam.nothingAttached')}
        header={
          <Header
            variant="h2"
            counter={data && `(${data.length})`}
            actions={
              <Button
                onClick={() => {
                  setChosen([]);
                  setChoosing(true);
                }}
              >
                {t('iam.attach')}
              </Button>
            }
          >
            {t('iam.attachedPolicies')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'name',
            header: t('iam.policy'),
            isRowHeader: true,
            cell: ({ PolicyArn = '', PolicyName }) => (
              <Link href={href(`/policies/${PolicyArn}`)} onFollow={follow}>
                {PolicyName}
              </Link>
            ),
          },
          {
            id: 'action',
            header: t('iam.actions'),
            cell: ({ PolicyArn = '', PolicyName }) => (
              <Button
                variant="inline-link"
                ariaLabel={`${t('iam.detach')} ${PolicyName}`}
                onClick={() => {
                  setDetached(holder.detach(PolicyArn));
                  setDetaching(true);
                }}
              >
                {t('iam.detach')}
              </Button>
            ),
          },
        ]}
      />
      <StepDialog
        visible={choosing}
        header={t('iam.attach')}
        submit={t('iam.attach')}
        steps={chosen.map(holder.attach)}
        onClose={() => setChoosing(false)}
        onDone={reload}
      >
        {choosing && <PolicyPicker label={t('access.policies')} chosen={chosen} onChange={setChosen} />}
      </StepDialog>
      <StepDialog
        visible={detaching}
        header={t('iam.detach')}
        submit={t('iam.detach')}
        steps={detached ? [detached] : []}
        onClose={() => setDetaching(false)}
        onDone={reload}
      >
        {t('iam.detachText')}
      </StepDialog>
    </>
  );
}

function Inline({ holder }: { holder: Holder }) {
  const { t } = useTexts();
  const { data, error, loading, reload } = useLoad(holder.inline, [holder]);
  const [edited, setEdited] = useState<string>();
  const [editing, setEditing] = useState(false);
  const [removed, setRemoved] = useState<Step>();
  const [removing, setRemoving] = useState(false);
  const edit = (name?: string) => {
    setEdited(name);
    setEditing(true);
  };
  return (
    <>
      <ErrorAlert error={error} retry={reload} />
      <Table
        loading={loading && !data}
        loadingText={t('common.loading')}
        wrapLines
        items={(data ?? []).map((name) => ({ name }))}
        trackBy="name"
        ariaLabels={{ tableLabel: t('iam.inlinePolicies') }}
        empty={t('iam.noInline')}
        header={
          <Header
            variant="h2"
            counter={data && `(${data.length})`}
            actions={<Button onClick={() => edit()}>{t('iam.createInline')}</Button>}
          >
            {t('iam.inlinePolicies')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'name',
            header: t('iam.policy'),
            isRowHeader: true,
            cell: ({ name }) => (
              <Button
                variant="inline-link"
                ariaLabel={`${t('common.edit')} ${name}`}
                onClick={() => edit(name)}
              >
                {name}
              </Button>
            ),
          },
          {
            id: 'action',
            header: t('iam.actions'),
            cell: ({ name }) => (
              <Button
                variant="inline-link"
                ariaLabel={`${t('common.delete')} ${name}`}
                onClick={() => {
                  setRemoved(holder.remove(name));
                  setRemoving(true);
                }}
              >
                {t('common.delete')}
              </Button>
            ),
          },
        ]}
      />
      <InlinePolicy
        holder={holder}
        name={edited}
        visible={editing}
        onClose={() => setEditing(false)}
        onDone={reload}
      />
      <StepDialog
        visible={removing}
        header={t('iam.deleteInline')}
        submit={t('common.delete')}
        steps={removed ? [removed] : []}
        onClose={() => setRemoving(false)}
        onDone={reload}
      >
        {t('iam.detachText')}
      </StepDialog>
    </>
  );
}

function Boundary({
  holder,
  arn,
  onChanged = () => {},
}: {
  holder: Holder;
  arn?: string;
  onChanged?: () => void;
}) {
  const { t } = useTexts();
  const [choosing, setChoosing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const { boundary } = holder;
  if (!boundary) return null;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t('iam.boundaryText')}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button disabled={!arn} onClick={() => setRemoving(true)}>
                {t('iam.removeBoundary')}
              </Button>
              <Button
                onClick={() => {
                  setChosen(arn ? [arn] : []);
                  setChoosing(true);
                }}
              >
                {t('iam.setBoundary')}
              </Button>
            </SpaceBetween>
          }
        >
          {t('iam.boundary')}
        </Header>
      }
    >
      {arn ? (
        <Link href={href(`/policies/${arn}`)} onFollow={follow}>
          {arn}
        </Link>
      ) : (
        t('common.none')
      )}
      <StepDialog
        visible={choosing}
        header={t('iam.setBoundary')}
        submit={t('common.save')}
        steps={chosen.map(boundary.set)}
        onClose={() => setChoosing(false)}
        onDone={onChanged}
      >
        {choosing && <PolicyPicker label={t('iam.policy')} chosen={chosen} onChange={setChosen} most={1} />}
      </StepDialog>
      <StepDialog
        visible={removing}
        header={t('iam.removeBoundary')}
        submit={t('iam.removeBoundary')}
        steps={[boundary.remove()]}
        onClose={() => setRemoving(false)}
        onDone={onChanged}
      >
        {t('iam.removeBoundaryText')}
      </StepDialog>
    </Container>
  );
}
