import type { Actor } from '../events/index.ts';
import type { Kind, RetentionClass, Transport } from './record/types.ts';

/** What records are wanted: those that match all of it. Times are microseconds since 1970, both ends included. */
export interface Filter {
  /** Ids of sources, or what these parsers understood: either. Where both are empty nothing matches. */
  source?: number[];
  parsers?: string[];
  /** Ids of the sources of a site, beside what else is asked for. */
  among?: number[];
  fromUs?: number;
  toUs?: number;
  /** Words, "phrases", field:value, -not. */
  q?: string;
  user?: string;
  ip?: string;
  /** `02:00:00:11:22:33` */
  mac?: string;
}

/** A record as search gives it. */
export interface Found {
  index: number;
  receiveUs: number;
  kind: Kind;
  transport: Transport;
  source: number;
  /** `192.0.2.1:514`; empty for the appliance itself. */
  peer: string;
  parser: string;
  fields: Record<string, unknown>;
  /** Bits of FLAG. */
  flags?: number;
  /** The message where it is UTF-8, else `rawBase64`. */
  raw?: string;
  rawBase64?: string;
  /** The payload was erased: what is left proves that there was a record. */
  erased?: boolean;
}

/** The newest first. `next` where there may be more: the next page is `before` it. */
export interface QueryResult {
  records: Found[];
  next?: number;
  /** Why some of what matches may be missing. */
  partial?: string;
  /** Some records that aren't on a later page may be missing; else only the time of one answer was over. */
  lacks?: boolean;
}

/** A query that can't be understood: the message says what to do. */
export class QueryFault extends Error {
  override name = 'QueryFault';
  /** Character of `q` where the fault is, from 0. */
  readonly position: number | undefined;
  constructor(message: string, position?: number) {
    super(message);
    this.position = position;
  }
}

/** Who had an address: what one kind of records says. */
export interface WhoisAnswer {
  via: 'radius' | 'dhcp' | 'nat' | 'vpn';
  /** `certain`: records around the moment say it. `likely`: nothing says that it had ended. */
  confidence: 'certain' | 'likely';
  /** Another answer names somebody else for the same moment. */
  conflict?: true;
  user?: string;
  mac?: string;
  hostname?: string;
  nas?: string;
  ssid?: string;
  /** The address behind the NAT. */
  ip?: string;
  /** How the address was translated, and how it is known who was behind. */
  nat?: { ip: string; port?: number; inner: string; innerPort?: number; atUs: number; via?: string };
  fromUs?: number;
  toUs?: number;
  /** Leaf indexes of the records that say so. */
  records: number[];
}

export interface Proven {
  record: Found;
  leaf: Uint8Array;
  /** Absent once the record is erased. */
  salt?: Uint8Array;
  /** C2SP tlog-proof; absent as long as the record isn't sealed. */
  proof?: string;
}

export interface SourceInfo {
  /** 0 is the appliance itself, 65535 stands for all that there were no numbers left for. */
  id: number;
  /** Without a port; empty for the appliance itself. */
  address: string;
  firstSeenUs: number;
  lastSeenUs?: number;
  messages: number;
  dropped: number;
  /** Messages that were too long to be kept whole. */
  truncated?: number;
  /** The parser that understood its last line. */
  parser?: string;
  /** It was removed, and has sent nothing since. */
  retired?: boolean;
}

export interface Status {
  state: 'starting' | 'sealing' | 'full' | 'damaged' | 'refused';
  /** Why it is not `sealing`. */
  reason?: string;
  size: number;
  root?: Uint8Array;
  lastSealedUs?: number;
  /** Age of the oldest record that isn't sealed yet. */
  lagSeconds: number;
  origin: string;
  /** vkey of the log key. */
  logKey: string;
  /** What was shown at commissioning. */
  genesis: string;
  epoch: number;
  /** Messages and bytes a second, over the last seconds. */
  rates: { messages: number; bytes: number };
  /** Connections that were refused since the start, as there were too many. */
  refused?: { address: string; count: number }[];
  witnesses: { name: string; url: string; lastSize?: number; lastAtUs?: number; error?: string }[];
  /** Absent where no time-stamping authority is set. */
  timestamp?: { url: string; lastSize?: number; lastAtUs?: number; error?: string };
  diskBytes: number;
  segments: number;
}

export type Days = Record<RetentionClass, number | null>;

/** What the sealing thread needs to know of the settings. */
export interface Settings {
  sources: { id: number; class: RetentionClass; parser?: string }[];
  /** Days that records of a class are kept; null is for ever. */
  retention: Days;
  /** `name` is for people. */
  holds: { fromUs: number; toUs: number; source?: number; name?: string }[];
}

/** What would go if these were the days. */
export interface Expiring {
  class: RetentionClass;
  records: number;
  bytes: number;
  /** The newest of them was received at. */
  untilUs: number;
}

export interface ExportRequest {
  id: string;
  /** The ZIP to write, of mode 0600; it appears once it is whole and on the disk. */
  file: string;
  filter: Filter;
  /** What was asked for, as it was written: for the report. */
  asked: Record<string, unknown>;
  /** What people call the sources, and the parsers that were chosen for them, by their ids. */
  sourceNames: Record<number, string>;
  parsers: Record<number, string>;
  /** Case number, for the report. */
  caseNumber?: string;
  requestedBy: { id: string; username: string };
  requestedAtUs: number;
  /** Leaves that were sealed for it. */
  size: number;
}

export interface Built {
  /** Records in it. */
  count: number;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

/** Something somebody did with the records, to be sealed as an audit record. */
export interface AuditEntry {
  event:
    | 'logs.searched'
    | 'logs.tailed'
    | 'logs.whois'
    | 'logs.read'
    | 'logs.exported'
    | 'logs.downloaded'
    | 'logs.erased';
  actor: Actor;
  [detail: string]: unknown;
}

/** What stands behind the routes: the sealing and the search thread, and what the assembly knows of others. */
export interface Backend {
  /** Rejects with QueryFault. */
  query(query: Filter & { before?: number; limit: number }): Promise<QueryResult>;
  /** What is wrong with `q`, if anything is. */
  queryFault(q: string): QueryFault | undefined;
  whois(question: { ip: string; atUs: number; port?: number }): Promise<{ answers: WhoisAnswer[]; partial?: string }>;
  /** Tells of new records that match, and how many weren't told of; until the answer is called. */
  subscribe(filter: Filter, listener: (records: readonly Found[], dropped: number) => void): () => void;
  /** The records with these indexes, as many of them as there are. */
  read(indexes: readonly number[]): Promise<Found[]>;
  /** Undefined where there is no such record, or none any more. */
  proof(index: number): Promise<Proven | undefined>;
  /** The latest signed note; undefined before the first. */
  checkpoint(): string | undefined;
  status(): Promise<Status>;
  sources(): readonly SourceInfo[];
  /** Gives a sender a number before it has sent anything, or a removed one its place back. Rejects where there is no place. */
  addSource(address: string): Promise<number>;
  /** Frees the place of a sender; its number stays its own. */
  retireSource(id: number): Promise<void>;
  readonly parsers: readonly { name: string; vendor: string }[];
  sendSettings(settings: Settings): void;
  /** What of the records would go with these days; nothing that is held. */
  expiring(days: Days): Promise<Expiring[]>;
  /** Erases the payloads of these records; answers how many. */
  erase(indexes: readonly number[], reason: string, by: Actor): Promise<number>;
  /** Seals what waits; answers the size of the log. */
  seal(): Promise<number>;
  /** Builds the ZIP. `progress` is told 0 to 1. Rejects once `signal` is aborted, and then leaves no file. */
  buildExport(request: ExportRequest, progress: (done: number) => void, signal: AbortSignal): Promise<Built>;
  siteExists(id: string): boolean;
  /** Resolves once the entry is in the log. What can't be recorded isn't answered. */
  record(entry: AuditEntry): Promise<void>;
}
