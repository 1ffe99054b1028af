import Checkbox from '@cloudscape-design/components/checkbox';
import FormField from '@cloudscape-design/components/form-field';
import Multiselect from '@cloudscape-design/components/multiselect';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tiles from '@cloudscape-design/components/tiles';
import { useLanguage } from '../../i18n';
import type { Doomed, Wish } from './deletion';

/** A Choice is what of the chosen images shall go. */
export interface Choice {
  wish: Wish;
  withParts: boolean;
  /** Tags that stay. */
  kept: string[];
}

interface Properties {
  doomed: Doomed[];
  choice: Choice;
  choose: (choice: Choice) => void;
}

/** DeletionChoice asks whether images shall go, or only tags. */
export default function DeletionChoice({ doomed, choice, choose }: Properties) {
  const { t } = useLanguage();
  const { wish, withParts, kept } = choice;
  const tags = doomed.flatMap((one) => one.tags);
  const options = tags.map((tag) => ({ value: tag, label: tag }));
  return (
    <SpaceBetween size="m">
      <Tiles
        ariaLabel={t('images.what')}
        value={wish}
        onChange={(e) => choose({ ...choice, wish: e.detail.value === 'tags' ? 'tags' : 'images' })}
        items={[
          { value: 'images', label: t('images.wishImages'), description: t('images.wishImagesHint') },
          {
            value: 'tags',
            label: t('images.wishTags'),
            description: t('images.wishTagsHint'),
            disabled: tags.length === 0,
          },
        ]}
      />
      {wish === 'images' && doomed.some((one) => one.parts.length > 0) && (
        <Checkbox checked={withParts} onChange={(e) => choose({ ...choice, withParts: e.detail.checked })}>
          {t('images.withParts')}
        </Checkbox>
      )}
      {wish === 'tags' && (
        <FormField label={t('images.tagsToRemove')}>
          <Multiselect
            options={options}
            selectedOptions={options.filter((one) => !kept.includes(one.value))}
            onChange={(e) => {
              const chosen = new Set(e.detail.selectedOptions.map((one) => one.value));
              choose({ ...choice, kept: tags.filter((tag) => !chosen.has(tag)) });
            }}
            filteringType="auto"
            tokenLimit={10}
            placeholder={t('images.tagsToRemove')}
            deselectAriaLabel={(option) => t('images.keepTag', { tag: option.label ?? '' })}
          />
        </FormField>
      )}
    </SpaceBetween>
  );
}
