import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type GetKeyRotationStatusResponse,
  type KeyMetadata,
  KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { useMemo } from 'react';
import { configuration, noticing, useClients } from '../../../api/clients';
import type { Page } from '../Listing';

/** useKms is the client of KMS of who has signed in. */
export function useKms() {
  const { session } = useClients();
  return useMemo(() => noticing(new KMSClient(configuration(session))), [session]);
}

/** A Key is what is known of a key at a glance; of one that may not be described, its id. */
export interface Key {
  id: string;
  aliases: string[];
  metadata?: KeyMetadata;
}

// Of accounts with more aliases than this, some keys are shown by their ids.
const mostAliases = 1000;

async function aliasesByKey(kms: KMSClient, abortSignal: AbortSignal): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  let Marker: string | undefined;
  let seen = 0;
  do {
    const page = await kms.send(new ListAliasesCommand({ Limit: 100, Marker }), { abortSignal });
    for (const { AliasName = '', TargetKeyId = '' } of page.Aliases ?? []) {
      found.set(TargetKeyId, [...(found.get(TargetKeyId) ?? []), AliasName]);
      seen++;
    }
    Marker = page.Truncated ? page.NextMarker : undefined;
  } while (Marker && seen < mostAliases);
  return found;
}

/** listKeys is a page of the keys of the region. */
export async function listKeys(
  kms: KMSClient,
  page: { Limit: number; Marker?: string },
  abortSignal: AbortSignal,
): Promise<Page<Key>> {
  const [keys, aliases] = await Promise.all([
    kms.send(new ListKeysCommand(page), { abortSignal }),
    aliasesByKey(kms, abortSignal),
  ]);
  const items = (keys.Keys ?? []).map(async ({ KeyId = '' }) => {
    const described = kms.send(new DescribeKeyCommand({ KeyId }), { abortSignal });
    const metadata = await described.then((one) => one.KeyMetadata).catch(() => undefined);
    return { id: KeyId, aliases: aliases.get(KeyId) ?? [], metadata };
  });
  return { items: await Promise.all(items), next: keys.Truncated ? keys.NextMarker : undefined };
}

/** A WholeKey is a key with its policy; what may not be read is an error. */
export interface WholeKey {
  metadata: KeyMetadata;
  aliases: string[];
  policy: string;
  rotation?: GetKeyRotationStatusResponse;
}

/** readKey is all that is known of a key. */
export async function readKey(kms: KMSClient, KeyId: string, abortSignal: AbortSignal): Promise<WholeKey> {
  const { KeyMetadata: metadata } = await kms.send(new DescribeKeyCommand({ KeyId }), { abortSignal });
  if (!metadata) throw new Error('the server described no key');
  const [aliases, policy, rotation] = await Promise.all([
    kms.send(new ListAliasesCommand({ KeyId: metadata.KeyId, Limit: 100 }), { abortSignal }),
    kms.send(new GetKeyPolicyCommand({ KeyId }), { abortSignal }),
    // Of a key that waits for its deletion there is no rotation to be told.
    kms.send(new GetKeyRotationStatusCommand({ KeyId }), { abortSignal }).catch(() => undefined),
  ]);
  return {
    metadata,
    aliases: (aliases.Aliases ?? []).map(({ AliasName = '' }) => AliasName),
    policy: policy.Policy ?? '',
    rotation,
  };
}
