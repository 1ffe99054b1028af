import Checkbox from '@cloudscape-design/components/checkbox';
import Select, { type SelectProps } from '@cloudscape-design/components/select';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useEffect, useState } from 'react';
import { useLanguage } from '../../i18n';
import { refine } from '../../lib/paging';
import { type Listing, typeNames } from './query';

/** ImageFilters choose which images are listed. */
export default function ImageFilters({ listing }: { listing: Listing }) {
  const { t } = useLanguage();
  const [typed, setTyped] = useState(listing.text);
  useEffect(() => setTyped(listing.text), [listing.text]);
  const tagged: SelectProps.Option[] = [
    { value: '', label: t('images.anyTags') },
    { value: 'yes', label: t('images.tagged') },
    { value: 'no', label: t('images.untagged') },
  ];
  const types: SelectProps.Option[] = [
    { value: '', label: t('images.anyType') },
    ...typeNames.map((value) => ({ value, label: t(`images.type.${value}`) })),
  ];
  const chosen = types.find((one) => one.value === (listing.type ?? ''));
  const tags = { TAGGED: 1, UNTAGGED: 2 } as const;
  return (
    <div className="image-filters">
      <TextFilter
        filteringText={typed}
        filteringPlaceholder={t('images.search')}
        filteringAriaLabel={t('images.search')}
        onChange={(e) => setTyped(e.detail.filteringText)}
        onDelayedChange={(e) => refine({ q: e.detail.filteringText.slice(0, 256) || undefined })}
      />
      <Select
        ariaLabel={t('images.tagStatus')}
        options={tagged}
        selectedOption={tagged[listing.tagged ? tags[listing.tagged] : 0]}
        onChange={(e) => refine({ tagged: e.detail.selectedOption.value || undefined })}
      />
      <Select
        ariaLabel={t('images.type')}
        options={types}
        selectedOption={chosen ?? { value: listing.type, label: listing.type }}
        onChange={(e) => refine({ type: e.detail.selectedOption.value || undefined })}
        filteringType="auto"
      />
      <Checkbox
        checked={listing.parts}
        onChange={(e) => refine({ parts: e.detail.checked ? 'yes' : undefined })}
      >
        {t('images.includeParts')}
      </Checkbox>
    </div>
  );
}
