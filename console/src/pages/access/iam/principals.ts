import { ListRolesCommand, ListUsersCommand } from '@aws-sdk/client-iam';
import type { Session } from '../../../lib/session';
import { iamOf } from './client';

const most = 100;

/** principals are users and roles of the account, as suggestions. */
export async function principals(session: Session, abortSignal: AbortSignal) {
  const iam = iamOf(session);
  const [users, roles] = await Promise.all([
    iam.send(new ListUsersCommand({ MaxItems: most }), { abortSignal }),
    iam.send(new ListRolesCommand({ MaxItems: most }), { abortSignal }),
  ]);
  return [
    ...(users.Users ?? []).map(({ Arn = '', UserName }) => ({ value: Arn, description: UserName })),
    ...(roles.Roles ?? []).map(({ Arn = '', RoleName }) => ({ value: Arn, description: RoleName })),
  ];
}
