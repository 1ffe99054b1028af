import { type Pair, pairValue } from '../../lib/json';
import { isIndex } from './manifest';

/** A Kind is what people call an image or an artifact. */
export type Kind =
  | 'image'
  | 'index'
  | 'chart'
  | 'signature'
  | 'attestation'
  | 'provenance'
  | 'sbom'
  | 'scan'
  | 'vex'
  | 'policy'
  | 'module'
  | 'wasm'
  | 'model'
  | 'cache'
  | 'soci'
  | 'artifact';

const types: [RegExp, Kind][] = [
  [/^application\/vnd\.(oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/, 'image'],
  [/^application\/vnd\.cncf\.helm\./, 'chart'],
  [/cosign\.(simplesigning|artifact\.sig)\b|notary.*signature|signature.*notary/, 'signature'],
  [/spdx|cyclonedx|syft|cosign\.artifact\.sbom\b/, 'sbom'],
  [/openvex|\bvex\b|\bcsaf\b/, 'vex'],
  [/sarif|security\.vulnerability|trivy|aquasec|cosign\.vuln/, 'scan'],
  [/in-toto|dsse\.envelope|cosign\.artifact\.att\b|docker\.attestation/, 'attestation'],
  [/openpolicyagent|kyverno|gatekeeper/, 'policy'],
  [/opentofu|terraform|cncf\.flux|argoproj/, 'module'],
  [/\bwasm\b/, 'wasm'],
  [/cncf\.model|ollama|kitops|modelpack|\.ai\./, 'model'],
  [/buildkit\.cacheconfig/, 'cache'],
  [/amazon\.soci/, 'soci'],
];

const predicates: [RegExp, Kind][] = [
  [/cosign\/sign/, 'signature'],
  [/slsa|provenance/, 'provenance'],
  [/spdx|cyclonedx/, 'sbom'],
  [/openvex|\bvex\b/, 'vex'],
  [/vuln|scan/, 'scan'],
];

const find = (table: [RegExp, Kind][], text: string) => table.find(([pattern]) => pattern.test(text))?.[1];

// A sigstore bundle is a signature or a statement; its annotations tell which.
function bundleKind(annotations: Pair[]): Kind {
  const predicate = pairValue(annotations, 'dev.sigstore.bundle.predicateType');
  if (predicate) return find(predicates, predicate) ?? 'attestation';
  return pairValue(annotations, 'dev.sigstore.bundle.content') === 'dsse-envelope'
    ? 'attestation'
    : 'signature';
}

/** attestedBy is the digest of the image that an attestation of buildx is about. */
export const attestedBy = (annotations: Pair[]) =>
  pairValue(annotations, 'vnd.docker.reference.type') === 'attestation-manifest'
    ? (pairValue(annotations, 'vnd.docker.reference.digest') ?? '')
    : undefined;

const cosignTag = /^sha256-[0-9a-f]{64}\.(sig|att|sbom)$/;
const cosignKinds: Record<string, Kind> = { sig: 'signature', att: 'attestation', sbom: 'sbom' };

/** cosignKind is what a tag means by which older versions of cosign attach something. */
export const cosignKind = (tag: string): Kind | undefined => cosignKinds[cosignTag.exec(tag)?.[1] ?? ''];

/** What is known of something that has a kind. */
export interface Typed {
  mediaType?: string;
  /** The type of the artifact, or the media type of the configuration. */
  artifactType?: string;
  annotations?: Pair[];
  layerTypes?: string[];
  tags?: string[];
}

/** kindOf names what something is. */
export function kindOf({
  mediaType,
  artifactType,
  annotations = [],
  layerTypes = [],
  tags = [],
}: Typed): Kind {
  const tagged = tags.map(cosignKind).find((kind) => kind);
  if (tagged) return tagged;
  if (isIndex(mediaType) && !artifactType) return 'index';
  if (attestedBy(annotations) !== undefined) return 'attestation';
  if (artifactType?.includes('sigstore.bundle')) return bundleKind(annotations);
  const byType = find(types, artifactType ?? '');
  if (byType && byType !== 'image') return byType;
  const byLayers = layerTypes.map((type) => find(types, type)).find((kind) => kind);
  if (byLayers) return byLayers;
  return byType ?? (isIndex(mediaType) ? 'index' : artifactType ? 'artifact' : 'image');
}
