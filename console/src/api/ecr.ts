import { ECRClient } from '@aws-sdk/client-ecr';
import type { Session } from '../lib/session';
import { configuration, noticing } from './clients';

/** ecrFor is a client of the SDK for a session. */
export const ecrFor = (session: Session) => noticing(new ECRClient(configuration(session)));
