import Badge from '@cloudscape-design/components/badge';
import { useLanguage } from '../../i18n';
import type { Mutability } from '../../lib/immutability';

/** MutabilityView is whether tags can be moved, with the filters of those that are excluded from it. */
export default function MutabilityView({ mode, filters = [] }: { mode: Mutability; filters?: string[] }) {
  const { t } = useLanguage();
  return (
    <span className="badges">
      <span>{t(`repositories.${mode}`)}</span>
      {filters.map((filter) => (
        <Badge key={filter}>{filter}</Badge>
      ))}
    </span>
  );
}
