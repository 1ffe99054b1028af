import { GetAuthorizationTokenCommand, PutImageCommand } from '@aws-sdk/client-ecr';
import type { Clients } from '../../api/clients';
import { isNamed } from './api';

/** A MountError says that a layer cannot be taken over from another repository without its bytes being sent. */
export class MountError extends Error {
  constructor(digest: string) {
    super(digest);
    this.name = 'MountError';
  }
}

interface Descriptor {
  digest: string;
  /** Where a client gets a layer that registries do not hold. */
  urls?: string[];
}

interface Manifest {
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
}

/** blobsOf lists the blobs that a repository needs before it takes a manifest. */
export function blobsOf({ config, layers = [] }: Manifest): string[] {
  const held = layers.filter(({ urls }) => !urls?.length);
  return [...new Set([...(config ? [config] : []), ...held].map(({ digest }) => digest))];
}

/** A Route is from one repository to another. */
export interface Route {
  from: string;
  to: string;
}

/** promote points a tag of another repository at an image, whose blobs it mounts there: none of their bytes move. */
export async function promote(clients: Clients, route: Route, digest: string, tag: string) {
  const { authorizationData } = await clients.ecr.send(new GetAuthorizationTokenCommand({}));
  const authorization = `Basic ${authorizationData?.[0]?.authorizationToken}`;
  await copy(clients, authorization, route, digest, tag);
}

async function copy(
  clients: Clients,
  authorization: string,
  route: Route,
  digest: string,
  imageTag?: string,
) {
  const named = { RepositoryName: route.from, ImageDigest: digest };
  const content = await clients.own('DescribeImageContent', named);
  const manifest = JSON.parse(content.Manifest) as Manifest;
  for (const child of manifest.manifests ?? []) await copy(clients, authorization, route, child.digest);
  for (const blob of blobsOf(manifest)) await mount(authorization, route, blob);
  try {
    await clients.ecr.send(
      new PutImageCommand({
        repositoryName: route.to,
        imageManifest: content.Manifest,
        imageManifestMediaType: content.ManifestMediaType,
        imageDigest: digest,
        imageTag,
      }),
    );
  } catch (error) {
    // The images of an index may be there from another one.
    if (imageTag || !isNamed(error, 'ImageAlreadyExistsException')) throw error;
  }
}

async function mount(authorization: string, { from, to }: Route, digest: string) {
  const query = new URLSearchParams({ mount: digest, from });
  const init = { headers: { authorization }, credentials: 'omit' } as const;
  const response = await fetch(`/v2/${to}/blobs/uploads/?${query}`, { ...init, method: 'POST' });
  if (response.status === 201) return;
  if (response.status !== 202) throw await refusal(response);
  const upload = new URL(response.headers.get('location') ?? '', location.origin);
  await fetch(upload.pathname + upload.search, { ...init, method: 'DELETE' });
  throw new MountError(digest);
}

async function refusal(response: Response) {
  const text = await response.text();
  try {
    const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
    return Object.assign(new Error(errors[0].message), { name: errors[0].code });
  } catch {
    return Object.assign(new Error(text || response.statusText), { name: `HTTP ${response.status}` });
  }
}
