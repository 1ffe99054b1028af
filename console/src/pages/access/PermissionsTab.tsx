import {
  DeleteRepositoryPolicyCommand,
  GetRepositoryPolicyCommand,
  SetRepositoryPolicyCommand,
} from '@aws-sdk/client-ecr';
import { useMemo } from 'react';
import { useClients } from '../../api/clients';
import { aws } from '../../lib/shell';
import { orNone } from './orNone';
import ResourcePolicy, { type Source } from './policy/ResourcePolicy';
import { useTexts } from './useTexts';

/** PermissionsTab is the policy of a repository, and what comes out of it. */
export default function PermissionsTab({ repository }: { repository: string }) {
  const { t } = useTexts();
  const { ecr, session } = useClients();
  const source = useMemo<Source>(() => {
    const name = { repositoryName: repository };
    const option = { 'repository-name': repository };
    return {
      kind: 'repository',
      resource: `arn:aws:ecr:${session.region}:${session.account}:repository/${repository}`,
      resourceFixed: true,
      title: t('policy.repositoryTitle'),
      description: t('policy.repositoryText'),
      heading: 'h2',
      load: (abortSignal) =>
        orNone('RepositoryPolicyNotFoundException', async () => {
          const found = await ecr.send(new GetRepositoryPolicyCommand(name), { abortSignal });
          return found.policyText;
        }),
      save: (policyText, force) => ecr.send(new SetRepositoryPolicyCommand({ ...name, policyText, force })),
      remove: () => ecr.send(new DeleteRepositoryPolicyCommand(name)),
      saveCommand: (text, force) =>
        aws('ecr', 'set-repository-policy', { ...option, 'policy-text': text, force: force || undefined }),
      removeCommand: aws('ecr', 'delete-repository-policy', option),
      isOwn: ({ Policy }) => Policy === `policy of repository ${repository}`,
    };
  }, [t, ecr, session, repository]);
  return <ResourcePolicy key={repository} source={source} />;
}
