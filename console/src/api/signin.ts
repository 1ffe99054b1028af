import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import type { Session } from '../lib/session';
import { configuration } from './clients';
import { signInByPassword } from './own';

interface Granted {
  AccessKeyId?: string;
  SecretAccessKey?: string;
  SessionToken?: string;
  Expiration?: Date;
}

function sessionOf(
  granted: Granted | undefined,
  region: string,
  who: { account: string; arn: string },
): Session {
  if (!granted?.AccessKeyId || !granted.SecretAccessKey || !granted.SessionToken || !granted.Expiration) {
    throw new Error('the server returned no credentials');
  }
  return {
    accessKeyId: granted.AccessKeyId,
    secretAccessKey: granted.SecretAccessKey,
    sessionToken: granted.SessionToken,
    expiration: granted.Expiration.getTime(),
    region,
    ...who,
  };
}

const hour = 3600;

/** withAccessKey exchanges an access key for a session of an hour; the secret is not kept. */
export async function withAccessKey(accessKeyId: string, secretAccessKey: string, region: string) {
  const credentials = { accessKeyId, secretAccessKey };
  const sts = new STSClient({ region, endpoint: location.origin, credentials, maxAttempts: 1 });
  const [token, who] = await Promise.all([
    sts.send(new GetSessionTokenCommand({ DurationSeconds: hour })),
    sts.send(new GetCallerIdentityCommand({})),
  ]);
  return sessionOf(token.Credentials, region, { account: who.Account ?? '', arn: who.Arn ?? '' });
}

export interface PasswordLogin {
  account: string;
  user: string;
  password: string;
  newPassword?: string;
}

/** withPassword exchanges the password of an IAM user for a session of an hour. */
export async function withPassword(login: PasswordLogin, region: string): Promise<Session> {
  const out = await signInByPassword({
    AccountId: login.account,
    UserName: login.user,
    Password: login.password,
    NewPassword: login.newPassword,
  });
  const granted = { ...out.Credentials, Expiration: new Date(out.Credentials.Expiration * 1000) };
  return sessionOf(granted, region, { account: out.AccountId, arn: out.Arn });
}

/** switchRole enters a role, of another account too; leaving it goes back to who entered it. */
export async function switchRole(from: Session, account: string, role: string): Promise<Session> {
  const sts = new STSClient({ ...configuration(from), maxAttempts: 1 });
  const name =
    from.arn
      .split('/')
      .pop()
      ?.replace(/[^\w+=,.@-]/g, '-') || 'root';
  const out = await sts.send(
    new AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${account}:role/${role}`,
      RoleSessionName: name.length < 2 ? 'console' : name.slice(-64),
      DurationSeconds: hour,
    }),
  );
  return {
    ...sessionOf(out.Credentials, from.region, { account, arn: out.AssumedRoleUser?.Arn ?? '' }),
    from,
  };
}
