import '../access.css';
import {
  CreatePolicyVersionCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  type IAMClient,
  ListEntitiesForPolicyCommand,
  ListPolicyVersionsCommand,
  SetDefaultPolicyVersionCommand,
} from '@aws-sdk/client-iam';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import Copy from '../../../components/Copy';
import ErrorAlert from '../../../components/ErrorAlert';
import Time from '../../../components/Time';
import { pretty } from '../../../lib/json';
import { useLoad } from '../../../lib/load';
import { follow, go, href } from '../../../lib/router';
import DeleteWithSteps from '../DeleteWithSteps';
import Refused from '../Refused';
import StepDialog from '../StepDialog';
import { type Step, step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { policyDeletion, versionDeletion } from './deletion';
import { documentOf } from './holder';
import PolicyForm from './PolicyForm';

async function load(iam: IAMClient, PolicyArn: string, abortSignal: AbortSignal) {
  const of = { PolicyArn };
  const [policy, versions] = await Promise.all([
    iam.send(new GetPolicyCommand(of), { abortSignal }),
    iam.send(new ListPolicyVersionsCommand(of), { abortSignal }),
  ]);
  const VersionId = policy.Policy?.DefaultVersionId;
  const version = await iam.send(new GetPolicyVersionCommand({ ...of, VersionId }), { abortSignal });
  return {
    policy: policy.Policy,
    versions: versions.Versions ?? [],
    document: documentOf(version.PolicyVersion?.Document),
  };
}

/** PolicyPage is a managed policy: its text, its versions, and who has it. Its name is its ARN. */
export default function PolicyPage({ name: arn }: { name: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const [deleting, setDeleting] = useState(false);
  const { data, error, reload } = useLoad((signal) => load(iam, arn, signal), [iam, arn]);
  if (error && !data) return <Refused name={arn} error={error} retry={reload} />;
  if (!data) return <Spinner size="large" />;
  const { policy, versions, document } = data;
  const own = !arn.startsWith('arn:aws:iam::aws:');
  const save = (PolicyDocument: string) =>
    step('iam', 'create-policy-version', { PolicyArn: arn, PolicyDocument, SetAsDefault: true }, (i) =>
      iam.send(new CreatePolicyVersionCommand(i)),
    );
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={
          <SpaceBetween size="xxs">
            {policy?.Description}
            <Copy text={arn} label="ARN" />
          </SpaceBetween>
        }
        actions={own && <Button onClick={() => setDeleting(true)}>{t('common.delete')}</Button>}
      >
        {policy?.PolicyName}
      </Header>
      {own ? (
        <PolicyForm
          kind="managed"
          title={t('iam.document')}
          description={t('iam.documentText')}
          saved={document}
          save={save}
          onSaved={reload}
        />
      ) : (
        <Container header={<Header variant="h2">{t('iam.document')}</Header>}>
          <pre className="policy-json">{pretty(document)}</pre>
        </Container>
      )}
      {own && <Versions arn={arn} versions={versions} onChanged={reload} />}
      <UsedBy arn={arn} />
      <DeleteWithSteps
        name={policy?.PolicyName ?? ''}
        visible={deleting}
        plan={() => policyDeletion(iam, arn)}
        onClose={() => setDeleting(false)}
        onDone={() => go(href('/policies'))}
      />
    </SpaceBetween>
  );
}

interface VersionsProperties {
  arn: string;
  versions: { VersionId?: string; IsDefaultVersion?: boolean; CreateDate?: Date }[];
  onChanged: () => void;
}

function Versions({ arn, versions, onChanged }: VersionsProperties) {
  const { t } = useTexts();
  const iam = useIam();
  const [asked, setAsked] = useState<{ header: string; step: Step }>();
  const [asking, setAsking] = useState(false);
  const ask = (header: string, made: Step) => {
    setAsked({ header, step: made });
    setAsking(true);
  };
  const prefer = (VersionId: string) =>
    step('iam', 'set-default-policy-version', { PolicyArn: arn, VersionId }, (i) =>
      iam.send(new SetDefaultPolicyVersionCommand(i)),
    );
  return (
    <>
      <Table
        items={versions}
        trackBy="VersionId"
        wrapLines
        ariaLabels={{ tableLabel: t('iam.versions') }}
        header={
          <Header variant="h2" counter={`(${versions.length})`} description={t('iam.versionsText')}>
            {t('iam.versions')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'id',
            header: t('iam.version'),
            isRowHeader: true,
            cell: ({ VersionId, IsDefaultVersion }) =>
              IsDefaultVersion ? t('iam.defaultVersion', { version: VersionId ?? '' }) : VersionId,
          },
          { id: 'created', header: t('iam.created'), cell: ({ CreateDate }) => <Time at={CreateDate} /> },
          {
            id: 'action',
            header: t('iam.actions'),
            cell: ({ VersionId = '', IsDefaultVersion }) =>
              !IsDefaultVersion && (
                <SpaceBetween direction="horizontal" size="s">
                  <Button
                    variant="inline-link"
                    ariaLabel={`${t('iam.setDefault')} ${VersionId}`}
                    onClick={() => ask(t('iam.setDefault'), prefer(VersionId))}
                  >
                    {t('iam.setDefault')}
                  </Button>
                  <Button
                    variant="inline-link"
                    ariaLabel={`${t('common.delete')} ${VersionId}`}
                    onClick={() => ask(t('iam.deleteVersion'), versionDeletion(iam, arn, VersionId))}
                  >
                    {t('common.delete')}
                  </Button>
                </SpaceBetween>
              ),
          },
        ]}
      />
      <StepDialog
        visible={asking}
        header={asked?.header ?? ''}
        submit={asked?.header ?? ''}
        steps={asked ? [asked.step] : []}
        onClose={() => setAsking(false)}
        onDone={onChanged}
      >
        {t('iam.versionChange')}
      </StepDialog>
    </>
  );
}

function UsedBy({ arn }: { arn: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const { data, error, loading, reload } = useLoad(
    (abortSignal) =>
      iam.send(new ListEntitiesForPolicyCommand({ PolicyArn: arn, MaxItems: 100 }), { abortSignal }),
    [iam, arn],
  );
  const places = [
    ...(data?.PolicyUsers ?? []).map(({ UserName }) => ({
      name: UserName,
      kind: t('iam.user'),
      path: '/users',
    })),
    ...(data?.PolicyGroups ?? []).map(({ GroupName }) => ({
      name: GroupName,
      kind: t('iam.group'),
      path: '/groups',
    })),
    ...(data?.PolicyRoles ?? []).map(({ RoleName }) => ({
      name: RoleName,
      kind: t('iam.role'),
      path: '/roles',
    })),
  ].map(({ name, kind, path }) => ({ name, kind, address: `${path}/${name}` }));
  return (
    <SpaceBetween size="m">
      <ErrorAlert error={error} retry={reload} />
      <Table
        items={places}
        trackBy="address"
        loading={loading && !data}
        loadingText={t('common.loading')}
        wrapLines
        ariaLabels={{ tableLabel: t('iam.usedBy') }}
        empty={<Box>{t('iam.usedByNone')}</Box>}
        header={
          <Header variant="h2" counter={data && `(${places.length}${data.IsTruncated ? '+' : ''})`}>
            {t('iam.usedBy')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'name',
            header: t('iam.name'),
            isRowHeader: true,
            cell: ({ name, address }) => (
              <Link href={href(address)} onFollow={follow}>
                {name}
              </Link>
            ),
          },
          { id: 'kind', header: t('iam.kind'), cell: ({ kind }) => kind },
        ]}
      />
    </SpaceBetween>
  );
}
