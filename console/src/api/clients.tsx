import type { ECRClient } from '@aws-sdk/client-ecr';
import type { MiddlewareStack } from '@smithy/types';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { expire, type Session } from '../lib/session';
import { type Own, ownFor } from './own';

/** Ecr is the client of ECR. It is loaded with the first call: the first page makes none. */
export type Ecr = Pick<ECRClient, 'send'>;

/** What pages talk to the server with. */
export interface Clients {
  session: Session;
  ecr: Ecr;
  own: Own;
}

/** configuration is what every client of the SDK is made with: the server is where the page came from. */
export const configuration = (session: Session) => ({
  region: session.region,
  endpoint: location.origin,
  credentials: { ...session, expiration: new Date(session.expiration) },
  maxAttempts: 3,
});

const expiredNames = [
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
];

/** noticeExpiry ends the session when an error says that it is over, and returns the error. */
export function noticeExpiry(error: unknown): unknown {
  if (error instanceof Error && expiredNames.includes(error.name)) expire();
  return error;
}

function clientsOf(session: Session): Clients {
  const call = ownFor(session);
  const own: Own = async (operation, input, signal) => {
    try {
      return await call(operation, input, signal);
    } catch (error) {
      throw noticeExpiry(error);
    }
  };
  return { session, ecr: ecrOf(session), own };
}

function ecrOf(session: Session): Ecr {
  let client: ECRClient | undefined;
  const send = async (...call: Parameters<ECRClient['send']>) => {
    const { ecrFor } = await import('./ecr');
    client ??= ecrFor(session);
    return client.send(...call);
  };
  return { send: send as ECRClient['send'] };
}

/** noticing has a client of the SDK notice the end of the session. */
export function noticing<I extends object, O extends object, C>(
  client: C & { middlewareStack: MiddlewareStack<I, O> },
): C {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        throw noticeExpiry(error);
      }
    },
    { step: 'initialize', name: 'noticeExpiry' },
  );
  return client;
}

const Context = createContext<Clients | null>(null);

export function ClientsOf({ session, children }: { session: Session; children: ReactNode }) {
  const clients = useMemo(() => clientsOf(session), [session]);
  return <Context.Provider value={clients}>{children}</Context.Provider>;
}

/** useClients is for pages, which are shown to who has signed in. */
export function useClients(): Clients {
  const clients = useContext(Context);
  if (!clients) throw new Error('useClients: nobody has signed in');
  return clients;
}
