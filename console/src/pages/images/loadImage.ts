import type { ImageDetail } from '@aws-sdk/client-ecr';
import type { Clients } from '../../api/clients';
import type { DescribeImageContentResponse } from '../../api/nifuda.gen';
import { type Configuration, readConfiguration } from './config';
import { describeImages } from './fetch';
import { type Manifest, readManifest } from './manifest';

/** A LoadedImage is all that is known of an image by itself. */
export interface LoadedImage {
  digest: string;
  content: DescribeImageContentResponse;
  manifest?: Manifest;
  configuration?: Configuration;
  detail?: ImageDetail;
}

/** loadImage asks for all that is known of an image by itself. */
export async function loadImage(
  clients: Clients,
  repository: string,
  digest: string,
  signal?: AbortSignal,
): Promise<LoadedImage> {
  const [content, details] = await Promise.all([
    clients.own('DescribeImageContent', { RepositoryName: repository, ImageDigest: digest }, signal),
    describeImages(clients, repository, [digest], signal),
  ]);
  const manifest = readManifest(content.Manifest);
  return {
    digest,
    content,
    manifest: manifest && { ...manifest, mediaType: content.ManifestMediaType },
    configuration: readConfiguration(content.Configuration),
    detail: details.get(digest),
  };
}
