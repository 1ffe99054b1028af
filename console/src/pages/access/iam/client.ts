import { IAMClient } from '@aws-sdk/client-iam';
import { useMemo } from 'react';
import { configuration, noticing, useClients } from '../../../api/clients';
import type { Session } from '../../../lib/session';

/** iamOf is a client of IAM for a session. */
export const iamOf = (session: Session) => noticing(new IAMClient(configuration(session)));

/** useIam is the client of IAM of who has signed in. */
export function useIam() {
  const { session } = useClients();
  return useMemo(() => iamOf(session), [session]);
}
