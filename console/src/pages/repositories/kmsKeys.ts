import { KMSClient, paginateListAliases, paginateListKeys } from '@aws-sdk/client-kms';
import { configuration, noticing } from '../../api/clients';
import type { Session } from '../../lib/session';

export interface KeyOption {
  value: string;
  description?: string;
}

const most = 100;

/** kmsKeys are the aliases of keys, and the keys that have none. */
export async function kmsKeys(session: Session): Promise<KeyOption[]> {
  const client = noticing(new KMSClient(configuration(session)));
  const aliases: KeyOption[] = [];
  const named = new Set<string>();
  for await (const page of paginateListAliases({ client, pageSize: most }, {})) {
    for (const { AliasName, TargetKeyId } of page.Aliases ?? []) {
      if (!AliasName || !TargetKeyId) continue;
      aliases.push({ value: AliasName, description: TargetKeyId });
      named.add(TargetKeyId);
    }
    if (aliases.length >= most) break;
  }
  const keys: KeyOption[] = [];
  for await (const page of paginateListKeys({ client, pageSize: most }, {})) {
    for (const { KeyId, KeyArn } of page.Keys ?? []) {
      if (KeyId && KeyArn && !named.has(KeyId)) keys.push({ value: KeyArn });
    }
    if (keys.length >= most) break;
  }
  return [...aliases, ...keys].slice(0, most);
}
