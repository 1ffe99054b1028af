import Link from '@cloudscape-design/components/link';
import { shortDigest } from '../../lib/format';
import { follow, href } from '../../lib/router';

/** DigestLink leads to the page of an image. */
export default function DigestLink({ repository, digest }: { repository: string; digest: string }) {
  return (
    <span title={digest}>
      <Link href={href(`/repositories/${repository}`, { image: digest })} onFollow={follow}>
        {shortDigest(digest)}
      </Link>
    </span>
  );
}
