import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useTexts } from '../useTexts';
import { validName } from './names';

interface Properties {
  label: string;
  value: string;
  onChange: (name: string) => void;
  most?: number;
}

/** NameField asks for a name that IAM takes. */
export default function NameField({ label, value, onChange, most = 64 }: Properties) {
  const { t } = useTexts();
  return (
    <FormField
      label={label}
      constraintText={t('iam.nameText', { most })}
      errorText={value !== '' && !validName(value, most) ? t('iam.nameError') : undefined}
      stretch
    >
      <Input
        value={value}
        onChange={(e) => onChange(e.detail.value)}
        autoComplete={false}
        spellcheck={false}
      />
    </FormField>
  );
}
