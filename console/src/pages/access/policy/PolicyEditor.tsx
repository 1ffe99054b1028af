import '../access.css';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useId, useMemo, useRef } from 'react';
import { useClients } from '../../../api/clients';
import { pretty } from '../../../lib/json';
import { useTexts } from '../useTexts';
import { checkPolicy } from './check';
import PolicyText from './PolicyText';
import Problems from './Problems';
import type { Kind, Problem } from './report';
import { type TemplateName, takesTemplate, templatesFor, withTemplate } from './templates';

interface Properties {
  kind: Kind;
  label: string;
  value: string;
  onChange: (value: string) => void;
  deciding?: [first: number, last: number][];
}

const none: [number, number][] = [];

/** PolicyEditor edits a policy: it says while one types what is wrong with it, and where. */
export default function PolicyEditor({ kind, label, value, onChange, deciding = none }: Properties) {
  const { t } = useTexts();
  const { session } = useClients();
  const area = useRef<HTMLTextAreaElement>(null);
  const described = useId();
  const problems = useMemo(() => (value.trim() ? checkPolicy(value, kind) : []), [value, kind]);
  const add = (name: TemplateName) => {
    onChange(withTemplate(value, name, kind, session));
    area.current?.focus();
  };
  const show = ({ at }: Problem) => {
    area.current?.focus();
    area.current?.setSelectionRange(at, at);
  };
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="xs">
        <ButtonDropdown
          disabled={!takesTemplate(value, kind)}
          items={templatesFor[kind].map((id) => ({
            id,
            text: t(`policy.template.${id}`),
          }))}
          onItemClick={(e) => add(e.detail.id as TemplateName)}
        >
          {t('policy.addStatement')}
        </ButtonDropdown>
        <Button
          disabled={problems.some(({ flaw }) => flaw.startsWith('json.'))}
          onClick={() => onChange(pretty(value))}
        >
          {t('policy.format')}
        </Button>
      </SpaceBetween>
      <PolicyText
        value={value}
        onChange={onChange}
        problems={problems}
        deciding={deciding}
        label={label}
        describedBy={described}
        area={area}
      />
      <div id={described}>{value.trim() !== '' && <Problems problems={problems} onShow={show} />}</div>
    </SpaceBetween>
  );
}
