import { DescribeRepositoriesCommand } from '@aws-sdk/client-ecr';
import { useClients } from '../../api/clients';
import { useLoad } from '../../lib/load';

/** useRepositoryUri is what clients call a repository; until it is known, the host that the page came from will do. */
export function useRepositoryUri(repository: string): string {
  const { ecr } = useClients();
  const { data } = useLoad(
    async (abortSignal) => {
      const command = new DescribeRepositoriesCommand({ repositoryNames: [repository] });
      return (await ecr.send(command, { abortSignal })).repositories?.[0]?.repositoryUri;
    },
    [ecr, repository],
  );
  return data ?? `${location.host}/${repository}`;
}
