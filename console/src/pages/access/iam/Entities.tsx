import Button from '@cloudscape-design/components/button';
import Link from '@cloudscape-design/components/link';
import type { TableProps } from '@cloudscape-design/components/table';
import { type ReactNode, useState } from 'react';
import type { Loading } from '../../../lib/load';
import type { Paging } from '../../../lib/paging';
import { follow, href } from '../../../lib/router';
import DeleteWithSteps from '../DeleteWithSteps';
import Listing, { type Page } from '../Listing';
import type { Step } from '../steps';
import { useTexts } from '../useTexts';

interface Properties<T> {
  title: string;
  description: string;
  empty: string;
  /** What the first column is called. */
  column: string;
  /** What the button that creates one says. */
  create: string;
  onCreate: () => void;
  page: Loading<Page<T>>;
  paging: Paging;
  nameOf: (one: T) => string;
  pathOf: (one: T) => string;
  columns: TableProps.ColumnDefinition<T>[];
  filters?: ReactNode;
  deletable?: (one: T) => boolean;
  deletion: (one: T) => Promise<Step[]>;
}

/** Entities are a list of what IAM has, each with a page of its own. */
export default function Entities<T>(p: Properties<T>) {
  const { t } = useTexts();
  const [doomed, setDoomed] = useState<T>();
  const [deleting, setDeleting] = useState(false);
  const deletable = (one: T | undefined) => one !== undefined && (p.deletable?.(one) ?? true);
  return (
    <>
      <Listing
        {...p}
        columns={[
          {
            id: 'name',
            header: p.column,
            isRowHeader: true,
            minWidth: 180,
            cell: (one) => (
              <Link href={href(p.pathOf(one))} onFollow={follow}>
                {p.nameOf(one)}
              </Link>
            ),
          },
          ...p.columns,
        ]}
        actions={(selected) => (
          <Button
            disabled={!deletable(selected)}
            onClick={() => {
              setDoomed(selected);
              setDeleting(true);
            }}
          >
            {t('common.delete')}
          </Button>
        )}
        create={
          <Button variant="primary" onClick={p.onCreate}>
            {p.create}
          </Button>
        }
      />
      <DeleteWithSteps
        name={doomed === undefined ? '' : p.nameOf(doomed)}
        visible={deleting}
        plan={async () => (doomed === undefined ? [] : p.deletion(doomed))}
        onClose={() => setDeleting(false)}
        onDone={p.page.reload}
      />
    </>
  );
}
