import { useMemo } from 'react';
import type { StorageItem } from '../../api/nifuda.gen';
import { useLanguage } from '../../i18n';
import { bytes } from '../../lib/format';
import { go } from '../../lib/router';
import { type Tile, treemap } from './tiling';

interface Properties {
  label: string;
  items: StorageItem[];
  nameOf: (item: StorageItem) => string;
  addressOf: (item: StorageItem) => string;
}

const width = 1000;
const height = 420;

/** Treemap draws where bytes are; each tile is a link, and says what its deletion frees. */
export default function Treemap({ label, items, nameOf, addressOf }: Properties) {
  const tiles = useMemo(() => treemap(items, (item) => item.Bytes, width, height), [items]);
  return (
    <figure className="treemap" aria-label={label}>
      <svg viewBox={`0 0 ${width} ${height}`}>
        <title>{label}</title>
        {tiles.map((tile) => (
          <TileLink
            key={`${tile.item.RepositoryName}@${tile.item.ImageDigest}`}
            tile={tile}
            name={nameOf(tile.item)}
            address={addressOf(tile.item)}
          />
        ))}
      </svg>
    </figure>
  );
}

const letter = 7.5; // about as wide as one of 14 px

function TileLink({ tile, name, address }: { tile: Tile<StorageItem>; name: string; address: string }) {
  const { t, locale } = useLanguage();
  const { item, x, y } = tile;
  const share = item.Bytes > 0 ? Math.min(1, item.UniqueBytes / item.Bytes) : 0;
  const size = bytes(item.Bytes, locale);
  const frees = t('insight.frees', { bytes: bytes(item.UniqueBytes, locale) });
  const told = `${name}: ${size}. ${frees}`;
  const letters = Math.floor((tile.width - 12) / letter);
  return (
    <a
      href={address}
      onClick={(e) => {
        if (e.ctrlKey || e.metaKey || e.shiftKey) return;
        e.preventDefault();
        go(address);
      }}
    >
      <title>{told}</title>
      <rect className="shared" x={x} y={y} width={tile.width} height={tile.height} />
      <rect
        className="unique"
        x={x}
        y={y + tile.height * (1 - share)}
        width={tile.width}
        height={tile.height * share}
      />
      <rect className="frame" x={x} y={y} width={tile.width} height={tile.height} />
      {letters >= 4 && tile.height >= 24 && (
        <text x={x + 6} y={y + 18} fontSize={14} aria-hidden>
          {name.length > letters ? `${name.slice(0, letters - 1)}…` : name}
        </text>
      )}
      {letters >= size.length && tile.height >= 44 && (
        <text x={x + 6} y={y + 36} fontSize={13} aria-hidden>
          {size}
        </text>
      )}
    </a>
  );
}
