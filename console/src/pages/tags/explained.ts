import type { Translate } from '../../i18n/messages';
import { isNamed } from './api';

/** explained adds to the server's words what its refusal to undelete anything means. */
export function explained(failure: unknown, t: Translate): unknown {
  if (!isNamed(failure, 'UndeleteDisabledException')) return failure;
  const error = failure as Error & { $metadata?: object };
  const message = `${error.message} ${t('tags.undeleteOff')}`;
  return Object.assign(new Error(message), { name: error.name, $metadata: error.$metadata });
}
