import Box from '@cloudscape-design/components/box';
import Icon, { type IconProps } from '@cloudscape-design/components/icon';
import Link from '@cloudscape-design/components/link';
import TreeView from '@cloudscape-design/components/tree-view';
import { useMemo, useState } from 'react';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import { shortDigest } from '../../lib/format';
import { setQuery } from '../../lib/router';
import { kindName } from './columns';
import type { Kind } from './kinds';
import { allOf, type TreeNode } from './tree';

// A tree of more is not drawn: an index may list any number.
const most = 500;

const icons: Partial<Record<Kind, IconProps.Name>> = {
  index: 'multiscreen',
  signature: 'key',
  attestation: 'security',
  provenance: 'security',
  sbom: 'file',
  scan: 'file',
  vex: 'file',
  image: 'ticket',
};

/** ImageTree shows the platforms of an image and what refers to each, and lets one be chosen. */
export default function ImageTree({ tree, chosen }: { tree: TreeNode; chosen: TreeNode }) {
  const { t } = useLanguage();
  const nodes = useMemo(() => allOf(tree), [tree]);
  const [folded, setFolded] = useState<string[]>([]);
  const drawn = useMemo(() => new Set(nodes.slice(0, most).map((node) => node.id)), [nodes]);
  const name = (node: TreeNode) => node.platform ?? kindName(node.kind, t);
  return (
    <>
      <TreeView
        ariaLabel={t('images.tree')}
        connectorLines="vertical"
        items={[tree]}
        getItemId={(node) => `i${node.id}`}
        getItemChildren={(node) => node.children.filter((child) => drawn.has(child.id))}
        expandedItems={nodes.map((node) => `i${node.id}`).filter((id) => !folded.includes(id))}
        onItemToggle={({ detail }) =>
          setFolded((all) => (detail.expanded ? all.filter((id) => id !== detail.id) : [...all, detail.id]))
        }
        renderItem={(node) => ({
          announcementLabel: name(node),
          icon: <Icon name={icons[node.kind] ?? 'file'} />,
          content: <Choice node={node} name={name(node)} chosen={node.id === chosen.id} root={tree} />,
          secondaryContent: <Hint node={node} />,
        })}
      />
      {nodes.length > most && (
        <Box color="text-body-secondary">{t('images.more', { n: nodes.length - most })}</Box>
      )}
    </>
  );
}

interface ChoiceProperties {
  node: TreeNode;
  name: string;
  chosen: boolean;
  root: TreeNode;
}

function Choice({ node, name, chosen, root }: ChoiceProperties) {
  const { t } = useLanguage();
  if (chosen) {
    return (
      <span aria-current="true">
        <Box variant="strong">{name}</Box>
      </span>
    );
  }
  return (
    <Link
      ariaLabel={`${name} ${t('images.show')} ${shortDigest(node.digest)}`}
      onFollow={() => setQuery({ node: node === root ? undefined : node.digest }, false)}
    >
      {name}
    </Link>
  );
}

function Hint({ node }: { node: TreeNode }) {
  const { t } = useLanguage();
  const words = {
    root: undefined,
    platform: node.kind === 'image' ? undefined : kindName(node.kind, t),
    attestation: t('images.buildAttestation'),
    referrer: node.kind === 'artifact' ? node.artifactType : undefined,
  }[node.role];
  return (
    <Box variant="small" color="text-body-secondary">
      <span className="anywhere">
        {shortDigest(node.digest)}
        {words && ` · ${words}`}
        {node.created && (
          <>
            {' · '}
            <Time at={node.created} />
          </>
        )}
      </span>
    </Box>
  );
}
