import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { lazy, type ReactNode, Suspense } from 'react';
import Cli from '../../components/Cli';
import Copy from '../../components/Copy';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import type { Key } from '../../i18n/messages';
import { bytes, shortDigest } from '../../lib/format';
import { follow, href, setQuery, usePlace } from '../../lib/router';
import { aws } from '../../lib/shell';
import ConfigView from './ConfigView';
import { kindName } from './columns';
import JsonView from './JsonView';
import { kindOf } from './kinds';
import Layers from './Layers';
import type { LoadedImage } from './loadImage';
import { platformName } from './manifest';
import PairsTable from './PairsTable';
import PullCommands from './PullCommands';
import TagLinks from './TagLinks';
import { type TreeNode, typesOf } from './tree';

const PullChart = lazy(() => import('./PullChart'));

interface Properties {
  repository: string;
  uri: string;
  node: TreeNode;
  image: LoadedImage;
}

/** ImageDetails are what is known of one image of the tree. */
export default function ImageDetails({ repository, uri, node, image }: Properties) {
  const { t } = useLanguage();
  const kind = node.role === 'root' ? node.kind : (known(node, image) ?? node.kind);
  const damaged = image.content.ConfigurationDamaged || image.content.Layers.some((layer) => layer.Damaged);
  return (
    <SpaceBetween size="l">
      {damaged && <Alert type="error">{t('images.damagedHint')}</Alert>}
      <Container
        header={
          <Header
            variant="h2"
            actions={node.role !== 'root' && <OwnPage repository={repository} node={node} />}
          >
            {node.platform ?? kindName(kind, t)}
          </Header>
        }
      >
        <SpaceBetween size="l">
          <Summary repository={repository} node={node} image={image} kindText={kindName(kind, t)} />
          <PullCommands uri={uri} kind={kind} digest={node.digest} tags={image.detail?.imageTags ?? []} />
        </SpaceBetween>
      </Container>
      <Views repository={repository} node={node} image={image} />
      <Cli
        commands={[
          aws('nifuda', 'describe-image-content', {
            'repository-name': repository,
            'image-digest': node.digest,
          }),
          aws('ecr', 'describe-images', {
            'repository-name': repository,
            'image-ids': [`imageDigest=${node.digest}`],
          }),
          aws('ecr', 'list-image-referrers', {
            'repository-name': repository,
            'subject-id': [`imageDigest=${node.digest}`],
          }),
        ]}
      />
    </SpaceBetween>
  );
}

// The manifest tells more than the descriptor by which an index points at it, if it tells anything.
function known(node: TreeNode, image: LoadedImage) {
  const kind = kindOf(typesOf(image.manifest, image.detail?.imageTags));
  return kind === 'artifact' || node.kind === 'attestation' ? undefined : kind;
}

function OwnPage({ repository, node }: { repository: string; node: TreeNode }) {
  const { t } = useLanguage();
  return (
    <Link href={href(`/repositories/${repository}`, { image: node.digest })} onFollow={follow}>
      {t('images.ownPage')}
    </Link>
  );
}

function Summary({ repository, node, image, kindText }: Omit<Properties, 'uri'> & { kindText: string }) {
  const { t, locale } = useLanguage();
  const { detail, content, configuration, manifest } = image;
  const platform = node.platform ?? platformName(configuration?.platform);
  const created = configuration?.created ?? node.created;
  const tags = detail?.imageTags ?? [];
  const items: { label: string; value: ReactNode }[] = [
    { label: t('images.digest'), value: <Copy text={node.digest} shown={shortDigest(node.digest)} /> },
    { label: t('images.type'), value: kindText },
    { label: t('images.size'), value: bytes(detail?.imageSizeInBytes ?? 0, locale) },
    { label: t('images.frees'), value: bytes(content.UniqueBytes, locale) },
    {
      label: t('images.pushedAt'),
      value: detail?.imagePushedAt ? <Time at={detail.imagePushedAt} exact /> : '-',
    },
    { label: t('images.pulledAt'), value: <Time at={detail?.lastRecordedPullTime} exact /> },
    { label: t('images.mediaType'), value: <span className="anywhere">{content.ManifestMediaType}</span> },
  ];
  const add = (key: Key, value: ReactNode) => value && items.push({ label: t(key), value });
  add('images.platform', platform);
  add('images.created', created && <Time at={created} exact />);
  add(
    'images.artifactType',
    manifest?.artifactType && <span className="anywhere">{manifest.artifactType}</span>,
  );
  add(
    'images.subject',
    manifest?.subject && (
      <Link href={href(`/repositories/${repository}`, { image: manifest.subject })} onFollow={follow}>
        {shortDigest(manifest.subject)}
      </Link>
    ),
  );
  add(
    'images.tags',
    tags.length > 0 && (
      <TagLinks repository={repository} digest={node.digest} tags={tags} count={tags.length} most={100} />
    ),
  );
  return <KeyValuePairs columns={3} items={items} />;
}

function Views({ repository, node, image }: Omit<Properties, 'uri'>) {
  const { t } = useLanguage();
  const { query } = usePlace();
  const { content, manifest } = image;
  const views: { id: string; label: string; content: ReactNode }[] = [];
  if (content.Layers.length > 0) {
    views.push({ id: 'layers', label: t('images.layers'), content: <Layers image={image} /> });
  }
  if (manifest?.config) {
    views.push({ id: 'config', label: t('images.config'), content: <ConfigView image={image} /> });
  }
  views.push(
    {
      id: 'annotations',
      label: t('images.annotations'),
      content: <Annotations node={node} image={image} />,
    },
    {
      id: 'manifest',
      label: t('images.manifest'),
      content: (
        <JsonView
          json={content.Manifest}
          name={`${node.digest.replace(':', '-')}.json`}
          label={t('images.manifest')}
        />
      ),
    },
    {
      id: 'pulls',
      label: t('images.pulls'),
      content: (
        <Suspense fallback={<Spinner />}>
          <PullChart repository={repository} digest={node.digest} />
        </Suspense>
      ),
    },
  );
  const asked = query.get('view');
  return (
    <Tabs
      variant="container"
      ariaLabel={t('images.views')}
      activeTabId={views.some((one) => one.id === asked) ? (asked ?? undefined) : views[0].id}
      onChange={(e) => setQuery({ view: e.detail.activeTabId })}
      tabs={views}
    />
  );
}

function Annotations({ node, image }: { node: TreeNode; image: LoadedImage }) {
  const { t } = useLanguage();
  const own = image.manifest?.annotations ?? [];
  const given = node.role === 'root' || node.role === 'referrer' ? [] : node.annotations;
  return (
    <SpaceBetween size="l">
      <PairsTable label={t('images.annotations')} pairs={own} empty={t('images.noAnnotations')} />
      {given.length > 0 && <PairsTable label={t('images.givenAnnotations')} pairs={given} empty="" titled />}
    </SpaceBetween>
  );
}
