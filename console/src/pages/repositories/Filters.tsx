import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import { useLanguage } from '../../i18n';
import { refine } from '../../lib/paging';
import { usePlace } from '../../lib/router';
import { useTyped } from '../../lib/typed';
import { modes } from './listing';

/** Filters narrow the listing: by a part of the name as it is typed, and by settings. */
export default function Filters() {
  const { t } = useLanguage();
  const [name, setName] = useTyped('q');
  const [tag, setTag] = useTyped('resource-tag');
  return (
    <div className="filters">
      <div className="filter-text">
        <Input
          type="search"
          value={name}
          onChange={(e) => setName(e.detail.value)}
          placeholder={t('repositories.find')}
          ariaLabel={t('repositories.find')}
        />
      </div>
      <Choice
        parameter="mutability"
        label={t('repositories.mutability')}
        any={t('repositories.anyMutability')}
        options={modes.map((mode) => ({ value: mode, label: t(`repositories.${mode}`) }))}
      />
      <Choice
        parameter="scan"
        label={t('repositories.scanOnPush')}
        any={t('repositories.anyScan')}
        options={[
          { value: 'on', label: t('repositories.scanIsOn') },
          { value: 'off', label: t('repositories.scanIsOff') },
        ]}
      />
      <Input
        type="search"
        value={tag}
        onChange={(e) => setTag(e.detail.value)}
        placeholder={t('repositories.findTag')}
        ariaLabel={t('repositories.findTagLabel')}
      />
    </div>
  );
}

interface ChoiceProperties {
  parameter: string;
  label: string;
  any: string;
  options: { value: string; label: string }[];
}

function Choice({ parameter, label, any, options }: ChoiceProperties) {
  const { query } = usePlace();
  const all = [{ value: '', label: any }, ...options];
  const value = query.get(parameter) ?? '';
  return (
    <Select
      ariaLabel={label}
      options={all}
      selectedOption={all.find((one) => one.value === value) ?? all[0]}
      onChange={(e) => refine({ [parameter]: e.detail.selectedOption.value || undefined })}
    />
  );
}
