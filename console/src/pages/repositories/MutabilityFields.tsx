import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useLanguage } from '../../i18n';
import { filterProblem, maxFilters } from '../../lib/exclusionFilter';
import type { Mutability } from '../../lib/immutability';
import { modes } from './listing';
import { excludes, type Settings } from './settings';
import TagTester from './TagTester';

interface Properties {
  settings: Settings;
  change: (changes: Partial<Settings>) => void;
}

/** MutabilityFields choose which tags can be moved, and try that on a tag. */
export default function MutabilityFields({ settings, change }: Properties) {
  const { t } = useLanguage();
  const choose = (mode: Mutability) =>
    change({ mode, filters: excludes(mode) && settings.filters.length === 0 ? [''] : settings.filters });
  return (
    <SpaceBetween size="l">
      <FormField label={t('repositories.mutability')} description={t('repositories.mutabilityText')} stretch>
        <RadioGroup
          value={settings.mode}
          onChange={(e) => choose(e.detail.value as Mutability)}
          items={modes.map((mode) => ({
            value: mode,
            label: t(`repositories.${mode}`),
            description: t(`repositories.text.${mode}`),
          }))}
        />
      </FormField>
      {excludes(settings.mode) && <FilterFields settings={settings} change={change} />}
      <TagTester settings={settings} />
    </SpaceBetween>
  );
}

function FilterFields({ settings: { filters }, change }: Properties) {
  const { t } = useLanguage();
  const set = (i: number, filter: string) => change({ filters: filters.with(i, filter) });
  const errorOf = (filter: string, i: number) => {
    const problem = filterProblem(filter, filters.slice(0, i));
    return problem && t(`repositories.filter.${problem}`);
  };
  return (
    <FormField label={t('repositories.filters')} description={t('repositories.filtersText')} stretch>
      <AttributeEditor
        items={filters}
        definition={[
          {
            label: t('repositories.filterLabel'),
            control: (filter, i) => (
              <Input
                value={filter}
                placeholder="dev-*"
                onChange={(e) => set(i, e.detail.value)}
                spellcheck={false}
                autoComplete={false}
              />
            ),
            errorText: errorOf,
          },
        ]}
        addButtonText={t('repositories.filterAdd')}
        removeButtonText={t('repositories.remove')}
        removeButtonAriaLabel={(filter) => `${t('repositories.remove')} ${filter}`}
        disableAddButton={filters.length >= maxFilters}
        additionalInfo={t('repositories.filtersLeft', { n: maxFilters - filters.length })}
        onAddButtonClick={() => change({ filters: [...filters, ''] })}
        onRemoveButtonClick={(e) => change({ filters: filters.toSpliced(e.detail.itemIndex, 1) })}
        empty={t('repositories.filter.none')}
      />
    </FormField>
  );
}
