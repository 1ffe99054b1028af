import { DescribeRepositoriesCommand, type Repository } from '@aws-sdk/client-ecr';
import { useClients } from '../../api/clients';
import { useLoad } from '../../lib/load';
import { fresh, type Settings } from './settings';

/** useRepository is a repository as ECR describes it. */
export function useRepository(name: string) {
  const { ecr } = useClients();
  return useLoad(
    async (abortSignal) => {
      const found = await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }), {
        abortSignal,
      });
      return found.repositories?.[0];
    },
    [ecr, name],
  );
}

/** settingsOf are the settings that a repository has, but for its resource tags. */
export function settingsOf(repository: Repository): Settings {
  const { encryptionConfiguration: encryption } = repository;
  return {
    ...fresh,
    name: repository.repositoryName ?? '',
    mode: repository.imageTagMutability ?? 'MUTABLE',
    filters: (repository.imageTagMutabilityExclusionFilters ?? []).map(({ filter }) => filter ?? ''),
    scanOnPush: repository.imageScanningConfiguration?.scanOnPush ?? false,
    encryption: encryption?.encryptionType ?? 'AES256',
    kmsKey: encryption?.kmsKey ?? '',
  };
}
