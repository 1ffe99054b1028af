import Autosuggest from '@cloudscape-design/components/autosuggest';
import FormField from '@cloudscape-design/components/form-field';
import { useLanguage } from '../i18n';
import { continents, regions, validRegion } from '../lib/regions';

/** RegionField suggests the regions of AWS and takes every name that has the form of one. */
export default function RegionField({
  value,
  onChange,
}: {
  value: string;
  onChange: (value: string) => void;
}) {
  const { t } = useLanguage();
  return (
    <FormField
      label={t('signin.region')}
      errorText={value && !validRegion(value) && t('signin.regionInvalid')}
      constraintText={t('signin.regionHint')}
    >
      <Autosuggest
        value={value}
        onChange={(e) => onChange(e.detail.value.trim())}
        options={continents.map((continent) => ({
          label: t(`shell.${continent}`),
          options: regions[continent].map((region) => ({ value: region })),
        }))}
        enteredTextLabel={(text) => t('signin.regionUse', { region: text })}
        name="region"
      />
    </FormField>
  );
}
