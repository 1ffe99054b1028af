import { amount, isRecord, list, type Pair, pairs, parsed, record, records, text } from '../../lib/json';

/** A Platform is what an image of an index runs on. */
export interface Platform {
  os?: string;
  architecture?: string;
  variant?: string;
  version?: string;
}

/** A Descriptor is how a manifest points at something. */
export interface Descriptor {
  digest: string;
  mediaType: string;
  size?: number;
  artifactType?: string;
  platform?: Platform;
  annotations: Pair[];
}

/** A Manifest is what a manifest of any kind says. */
export interface Manifest {
  mediaType: string;
  artifactType?: string;
  config?: Descriptor;
  layers: Descriptor[];
  /** What an index lists. */
  manifests: Descriptor[];
  /** The digest of what it refers to. */
  subject?: string;
  annotations: Pair[];
}

const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** isIndex tells whether a media type is that of a list of manifests. */
export const isIndex = (mediaType: string | undefined) => indexTypes.includes(mediaType ?? '');

export function platformOf(value: unknown): Platform | undefined {
  if (!isRecord(value)) return undefined;
  return {
    os: text(value.os),
    architecture: text(value.architecture),
    variant: text(value.variant),
    version: text(value['os.version']),
  };
}

/** platformName is how clients write a platform: linux/arm/v7. Attestations have none. */
export function platformName(platform: Platform | undefined): string | undefined {
  if (!platform) return undefined;
  const { os, architecture, variant, version } = platform;
  const known = [os, architecture, variant].filter((part) => part && part !== 'unknown');
  if (known.length === 0) return undefined;
  return known.join('/') + (version ? ` (${version})` : '');
}

function descriptorOf(value: unknown): Descriptor | undefined {
  const it = record(value);
  const digest = text(it.digest);
  if (!digest) return undefined;
  return {
    digest,
    mediaType: text(it.mediaType) ?? '',
    size: amount(it.size),
    artifactType: text(it.artifactType),
    platform: platformOf(it.platform),
    annotations: pairs(it.annotations),
  };
}

const descriptors = (value: unknown) =>
  list(value)
    .map(descriptorOf)
    .filter((one) => one !== undefined);

/** readManifest reads a manifest. What is no JSON object is nothing. */
export function readManifest(json: string | undefined): Manifest | undefined {
  const value = parsed(json);
  if (!isRecord(value)) return undefined;
  const [usual, list] = indexTypes;
  const mediaType = text(value.mediaType) ?? (Array.isArray(value.manifests) ? usual : '');
  return {
    mediaType,
    artifactType: text(value.artifactType),
    config: descriptorOf(value.config),
    layers: [...descriptors(value.layers), ...oldLayers(value.fsLayers)],
    manifests: mediaType === usual || mediaType === list ? descriptors(value.manifests) : [],
    subject: text(record(value.subject).digest),
    annotations: pairs(value.annotations),
  };
}

// The first schema of Docker lists its layers with the last one first.
const oldLayers = (value: unknown) =>
  records(value)
    .map((layer) => descriptorOf({ digest: layer.blobSum }))
    .filter((one) => one !== undefined)
    .reverse();
