import type { SearchImagesRequest } from '../../api/nifuda.gen';
import type { Paging } from '../../lib/paging';
import { aws } from '../../lib/shell';

const sorts = { pushed: 'PUSHED_AT', pulled: 'PULLED_AT', size: 'SIZE' } as const;

/** A Sort is what images are ordered by. */
export type Sort = keyof typeof sorts;

/** A TypeFilter is a kind of images to list, by what their manifests say. */
export interface TypeFilter {
  MediaType?: string;
  ArtifactType?: string;
}

/** The types that can be chosen by name; others are given as they are. */
export const typeFilters = {
  image: { ArtifactType: 'application/vnd.oci.image.config.v1+json' },
  docker: { ArtifactType: 'application/vnd.docker.container.image.v1+json' },
  index: { MediaType: 'application/vnd.oci.image.index.v1+json' },
  list: { MediaType: 'application/vnd.docker.distribution.manifest.list.v2+json' },
  chart: { ArtifactType: 'application/vnd.cncf.helm.config.v1+json' },
  bundle: { ArtifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' },
  notation: { ArtifactType: 'application/vnd.cncf.notary.signature' },
  spdx: { ArtifactType: 'application/spdx+json' },
  cyclonedx: { ArtifactType: 'application/vnd.cyclonedx+json' },
  intoto: { ArtifactType: 'application/vnd.in-toto+json' },
} satisfies Record<string, TypeFilter>;

/** A TypeName is one of those names. */
export type TypeName = keyof typeof typeFilters;

/** typeNames are in the order in which they are offered. */
export const typeNames = Object.keys(typeFilters) as TypeName[];

const isTypeName = (text: string): text is TypeName => Object.hasOwn(typeFilters, text);

/** A Listing is which images are listed, as the URL says. */
export interface Listing {
  text: string;
  tagged?: 'TAGGED' | 'UNTAGGED';
  type?: string;
  parts: boolean;
  sort: Sort;
  ascending: boolean;
}

const isSort = (text: string | null): text is Sort => text !== null && Object.hasOwn(sorts, text);

/** listingOf reads the URL. What makes no sense is as if it were not there. */
export function listingOf(query: URLSearchParams): Listing {
  const tagged = query.get('tagged');
  const sort = query.get('sort');
  return {
    text: (query.get('q') ?? '').slice(0, 256),
    tagged: tagged === 'yes' ? 'TAGGED' : tagged === 'no' ? 'UNTAGGED' : undefined,
    type: query.get('type') || undefined,
    parts: query.get('parts') === 'yes',
    sort: isSort(sort) ? sort : 'pushed',
    ascending: query.get('order') === 'up',
  };
}

/** isFiltered tells whether the listing leaves out images. */
export const isFiltered = ({ text, tagged, type }: Listing) => Boolean(text || tagged || type);

const typeFilter = (type: string | undefined): TypeFilter => {
  if (!type) return {};
  return isTypeName(type) ? typeFilters[type] : { ArtifactType: type };
};

/** requestOf asks for a page of a listing. */
export function requestOf(
  repository: string,
  { text, tagged, type, parts, sort, ascending }: Listing,
  { size, token }: Pick<Paging, 'size' | 'token'>,
): SearchImagesRequest {
  return {
    RepositoryName: repository,
    Query: text.trim() || undefined,
    TagStatus: tagged,
    ...typeFilter(type),
    IncludeParts: parts || undefined,
    SortBy: sorts[sort],
    Ascending: ascending || undefined,
    MaxResults: size,
    NextToken: token,
  };
}

/** searchCommand lists the same with the AWS CLI. */
export function searchCommand(request: SearchImagesRequest): string[] {
  return aws('nifuda', 'search-images', {
    'repository-name': request.RepositoryName,
    query: request.Query,
    'tag-status': request.TagStatus,
    'media-type': request.MediaType,
    'artifact-type': request.ArtifactType,
    'include-parts': request.IncludeParts,
    'sort-by': request.SortBy,
    ascending: request.Ascending,
    'max-results': request.MaxResults,
    'next-token': request.NextToken,
  });
}
