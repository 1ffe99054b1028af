import {
  DeleteRegistryPolicyCommand,
  GetRegistryPolicyCommand,
  PutRegistryPolicyCommand,
} from '@aws-sdk/client-ecr';
import { useMemo } from 'react';
import { useClients } from '../../api/clients';
import { aws } from '../../lib/shell';
import { orNone } from './orNone';
import ResourcePolicy, { type Source } from './policy/ResourcePolicy';
import { useTexts } from './useTexts';

/** RegistryPolicyPage is the policy of the registry of the region, and what comes out of it. */
export default function RegistryPolicyPage() {
  const { t } = useTexts();
  const { ecr, session } = useClients();
  const source = useMemo<Source>(
    () => ({
      kind: 'registry',
      resource: `arn:aws:ecr:${session.region}:${session.account}:repository/app`,
      resourceFixed: false,
      title: t('access.registryPolicy'),
      description: t('policy.registryText'),
      heading: 'h1',
      load: (abortSignal) =>
        orNone('RegistryPolicyNotFoundException', async () => {
          const found = await ecr.send(new GetRegistryPolicyCommand({}), { abortSignal });
          return found.policyText;
        }),
      save: (policyText) => ecr.send(new PutRegistryPolicyCommand({ policyText })),
      remove: () => ecr.send(new DeleteRegistryPolicyCommand({})),
      saveCommand: (text) => aws('ecr', 'put-registry-policy', { 'policy-text': text }),
      removeCommand: aws('ecr', 'delete-registry-policy', {}),
      isOwn: ({ Policy }) => Policy === `policy of registry ${session.account}`,
    }),
    [t, ecr, session],
  );
  return <ResourcePolicy source={source} />;
}
