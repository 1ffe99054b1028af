import TagEditor, { type TagEditorProps } from '@cloudscape-design/components/tag-editor';
import { useState } from 'react';
import type { ResourceTag } from './settings';

interface Properties {
  /** What the repository has. */
  before: ResourceTag[];
  onChange: (tags: ResourceTag[], valid: boolean) => void;
}

/** TagFields edit resource tags. */
export default function TagFields({ before, onChange }: Properties) {
  const [tags, setTags] = useState<readonly TagEditorProps.Tag[]>(() =>
    before.map((tag) => ({ ...tag, existing: true })),
  );
  return (
    <TagEditor
      tags={tags}
      onChange={({ detail }) => {
        setTags(detail.tags);
        const kept = detail.tags.filter((tag) => !tag.markedForRemoval);
        onChange(
          kept.map(({ key, value }) => ({ key, value })),
          detail.valid,
        );
      }}
    />
  );
}
