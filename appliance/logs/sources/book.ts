import { unprocessable } from '../../http/index.ts';
import type { Store } from '../../store/index.ts';
import type { Backend, Filter, SourceInfo } from '../backend.ts';
import type { RetentionClass } from '../record/types.ts';
import { MAX_SOURCES_NAMED } from '../schema.ts';
import type { LogTables, SourceRow } from '../tables.ts';

/** Ids that no sender has. */
export const APPLIANCE = 0;
export const OTHERS = 65_535;
const NAMES = new Map([
  [APPLIANCE, 'gatehouse'],
  [OTHERS, 'other'],
]);

/** A source with what was set for it. */
export interface Source extends SourceInfo {
  name: string;
  /** Null where lines are recognised. */
  fixedParser: string | null;
  class: RetentionClass;
  siteId: string;
  retired: boolean;
}

export const keyOf = (name: string): string => name.normalize('NFC').toLowerCase();
/** The name of a source that nobody has named. */
export const defaultName = ({ id, address }: Pick<SourceInfo, 'id' | 'address'>): string => NAMES.get(id) ?? address;

/** The sources, with their settings in memory: each record that is shown needs its source's name. */
export class SourceBook {
  readonly #backend: Pick<Backend, 'sources' | 'parsers' | 'siteExists'>;
  readonly defaultSite: string;
  #rows = new Map<string, SourceRow>();

  constructor(backend: Pick<Backend, 'sources' | 'parsers' | 'siteExists'>, defaultSite: string) {
    this.#backend = backend;
    this.defaultSite = defaultSite;
  }

  async load(store: Store): Promise<void> {
    const rows = await store.as<LogTables>().selectFrom('log_sources').selectAll().execute();
    this.#rows = new Map(rows.map((row) => [row.address, row]));
  }

  /** After its commit. */
  set(row: SourceRow): void {
    this.#rows.set(row.address, row);
  }

  /** In the order of their ids; those that were removed too, for they have records. */
  all(): Source[] {
    return this.#backend
      .sources()
      .map((info) => this.of(info))
      .sort((a, b) => a.id - b.id);
  }

  find(id: number): Source | undefined {
    const info = this.#backend.sources().find((source) => source.id === id);
    return info && this.of(info);
  }

  /** A sender with what is set for its address. */
  of(info: SourceInfo): Source {
    const row = this.#rows.get(info.address);
    return {
      ...info,
      name: row?.name ?? defaultName(info),
      fixedParser: row?.parser ?? null,
      class: info.id === APPLIANCE ? 'audit' : ((row?.class as RetentionClass | undefined) ?? 'log'),
      siteId: row?.site_id ?? this.defaultSite,
      retired: info.retired === true,
    };
  }

  /** The parsers that a text means, by name or vendor. */
  parsers(text: string): string[] {
    const key = keyOf(text.trim());
    if (key === '') return [];
    return this.#backend.parsers
      .filter(({ name, vendor }) => keyOf(name) === key || keyOf(vendor).split(', ').includes(key))
      .map(({ name }) => name);
  }

  /**
   * The sources that a text means: by id, address, name, or the parser (or its vendor) that was chosen for them. What
   * their lines look like says nothing: anybody can send one in their name.
   */
  matching(text: string): Source[] {
    const key = keyOf(text.trim());
    if (key === '') return [];
    const parsers = new Set(this.parsers(key));
    return this.all().filter(
      (source) =>
        String(source.id) === key ||
        source.address === key ||
        keyOf(source.name) === key ||
        parsers.has(source.fixedParser ?? ''),
    );
  }

  /**
   * What a request means by `source` and `site`: records of sources, and those that a parser understood, whoever sent
   * them. 422 for names that nothing has.
   */
  select(
    source: string | string[] | undefined,
    site: string | undefined,
  ): Pick<Filter, 'source' | 'parsers' | 'among'> {
    if (site !== undefined && !this.#backend.siteExists(site)) {
      throw unprocessable(`site is no site of this appliance: GET /v1/sites lists them`);
    }
    const among =
      site === undefined ? undefined : this.all().flatMap(({ id, siteId }) => (siteId === site ? [id] : []));
    const texts = source === undefined ? undefined : [source].flat().flatMap((text) => text.split(','));
    if (!texts) return { ...(among && { among }) };
    if (texts.length > MAX_SOURCES_NAMED) throw unprocessable(`source names more than ${MAX_SOURCES_NAMED}`);
    const ids = new Set<number>();
    const parsers = new Set<string>();
    for (const text of texts) {
      const found = this.matching(text);
      const read = this.parsers(text);
      if (found.length === 0 && read.length === 0) {
        throw unprocessable(
          `source is no id, name, address or parser of a source: ${JSON.stringify(text)}; GET /v1/logs/sources lists them`,
        );
      }
      for (const { id } of found) ids.add(id);
      for (const parser of read) parsers.add(parser);
    }
    return {
      ...((ids.size > 0 || parsers.size === 0) && { source: [...ids] }),
      ...(parsers.size > 0 && { parsers: [...parsers] }),
      ...(among && { among }),
    };
  }
}
