import { useClients } from '../../api/clients';
import { useLoad } from '../../lib/load';

/** useUndeleteWindow is for how many seconds what was deleted can be restored, or nothing where the caller must not see it. */
export function useUndeleteWindow(): number | undefined {
  const { own } = useClients();
  const { data } = useLoad(
    async (signal) => (await own('DescribeCollection', {}, signal)).UndeleteWindowSeconds,
    [own],
  );
  return data;
}
