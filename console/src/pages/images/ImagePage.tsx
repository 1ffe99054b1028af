import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useMemo, useState } from 'react';
import { useClients } from '../../api/clients';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { go, href, setQuery, usePlace } from '../../lib/router';
import TagDialog from '../tags/TagDialog';
import DeleteImages from './DeleteImages';
import { loadReferrers } from './fetch';
import ImageDetails from './ImageDetails';
import ImageTree from './ImageTree';
import './images.css';
import { type LoadedImage, loadImage } from './loadImage';
import { nodeOf, type Referrers, treeOf } from './tree';
import { useRepositoryUri } from './useReference';

const nothing: Referrers = new Map();

/** ImagePage is an image with its platforms and what refers to it; ?node= is the one of them that is looked at. */
export default function ImagePage({ repository, digest }: { repository: string; digest: string }) {
  const { t } = useLanguage();
  const clients = useClients();
  const { query } = usePlace();
  const root = useLoad(
    (signal) => loadImage(clients, repository, digest, signal),
    [clients, repository, digest],
  );
  const manifest = root.data?.manifest;
  const referrers = useLoad(
    async (signal) =>
      manifest ? loadReferrers(clients, repository, { digest, manifest, tags: [] }, signal) : nothing,
    [clients, repository, digest, manifest],
  );
  const tags = root.data?.detail?.imageTags;
  const tree = useMemo(
    () => treeOf({ digest, manifest, tags: tags ?? [] }, referrers.data ?? nothing),
    [digest, manifest, tags, referrers.data],
  );
  const node = nodeOf(tree, query.get('node') ?? digest) ?? tree;
  const other = useLoad<LoadedImage | undefined>(
    async (signal) =>
      node.digest === digest ? undefined : loadImage(clients, repository, node.digest, signal),
    [clients, repository, node.digest, digest],
  );
  const shown = node.digest === digest ? root : other;
  const image = shown.data?.digest === node.digest ? shown.data : undefined;
  const [dialog, setDialog] = useState<'delete' | 'tag'>();
  const chosen = useMemo(
    () => [
      {
        digest: node.digest,
        tags: image?.detail?.imageTags ?? [],
        parts: image?.manifest?.manifests.length ?? 0,
      },
    ],
    [node.digest, image],
  );
  const reload = () => {
    root.reload();
    if (node.digest !== digest) other.reload();
  };
  const deleted = () => {
    const gone = chosen[0].digest === digest;
    if (gone) go(href(`/repositories/${repository}`));
    else setQuery({ node: undefined });
    if (!gone) root.reload();
  };
  const close = () => setDialog(undefined);
  const uri = useRepositoryUri(repository);
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={<span className="anywhere">{`${repository}@${digest}`}</span>}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button
              iconName="refresh"
              ariaLabel={t('common.refresh')}
              loading={root.loading}
              onClick={reload}
            />
            <Button disabled={!image} onClick={() => setDialog('delete')}>
              {t('common.delete')}
            </Button>
            <Button disabled={!image} onClick={() => setDialog('tag')}>
              {t('images.addTag')}
            </Button>
          </SpaceBetween>
        }
      >
        <span className="anywhere">{tags?.[0] ?? shortDigest(digest)}</span>
      </Header>
      <ErrorAlert error={root.error} retry={root.reload} />
      {root.loading && !root.data && <Spinner size="large" />}
      {root.data && (
        <Grid gridDefinition={[{ colspan: { default: 12, m: 4 } }, { colspan: { default: 12, m: 8 } }]}>
          <Container header={<Header variant="h2">{t('images.tree')}</Header>}>
            <SpaceBetween size="s">
              <ErrorAlert error={referrers.error} retry={referrers.reload} />
              <ImageTree tree={tree} chosen={node} />
              {referrers.loading && <Spinner />}
            </SpaceBetween>
          </Container>
          <SpaceBetween size="l">
            <ErrorAlert error={shown === root ? undefined : other.error} retry={other.reload} />
            {!image && other.loading && <Spinner size="large" />}
            {image && (
              <ImageDetails key={node.id} repository={repository} uri={uri} node={node} image={image} />
            )}
          </SpaceBetween>
        </Grid>
      )}
      <DeleteImages
        repository={repository}
        images={chosen}
        visible={dialog === 'delete'}
        onClose={close}
        onDeleted={deleted}
      />
      <TagDialog
        repository={repository}
        digest={node.digest}
        visible={dialog === 'tag'}
        onClose={close}
        onDone={reload}
      />
    </SpaceBetween>
  );
}
