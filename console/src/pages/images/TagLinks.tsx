import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useLanguage } from '../../i18n';
import { follow, href } from '../../lib/router';
import { cosignKind } from './kinds';

interface Properties {
  repository: string;
  digest: string;
  tags: string[];
  /** How many there are, where tags are only some. */
  count: number;
  /** How many are shown. */
  most: number;
}

// The tags of cosign are digests, which nobody reads.
const shown = (tag: string) => (cosignKind(tag) ? tag.replace(/^(sha256-.{12}).*(\..*)$/, '$1…$2') : tag);

/** TagLinks are the tags of an image; what is too much is left to its page. */
export default function TagLinks({ repository, digest, tags, count, most }: Properties) {
  const { t } = useLanguage();
  const path = `/repositories/${repository}`;
  const more = count - Math.min(tags.length, most);
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {tags.slice(0, most).map((tag) => (
        <span className="tag" key={tag}>
          <Link href={href(path, { tag })} onFollow={follow}>
            {shown(tag)}
          </Link>
        </span>
      ))}
      {more > 0 && (
        <Link
          href={href(path, { image: digest })}
          onFollow={follow}
          ariaLabel={`+${more} ${t('images.moreTags')}`}
        >
          +{more}
        </Link>
      )}
    </SpaceBetween>
  );
}
