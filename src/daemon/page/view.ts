/** What the status page shows, as plain data: bounded, and without anything that a stranger may not read. */
import type { BfdViewRow } from '../bfdview.ts';
import type { EventRow } from '../journal.ts';
import type { VrfRow } from '../network/view.ts';
import type { MemberRow, PeerRow, ServiceRow } from '../views.ts';

/** The first of the rows, those first that need somebody, and how many there are in all. */
export interface Part<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** A stretch of time in which a session was up or not; ms since 1970. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly up: boolean;
}

export interface PeerShown
  extends Pick<
    PeerRow,
    | 'name'
    | 'address'
    | 'port'
    | 'vrf'
    | 'interface'
    | 'localAsn'
    | 'peerAsn'
    | 'state'
    | 'bfd'
    | 'flaps'
    | 'lastError'
    | 'lastChange'
    | 'prefixes'
  > {
  /** The last hour, oldest first. */
  readonly past: readonly Stretch[];
  /** What became of it lately, newest first. */
  readonly changes: readonly EventRow[];
}

/** Routes that a peer has told us and that may not be used. */
export interface RejectedShown {
  readonly peer: string;
  readonly reason: string;
  readonly routes: number;
  /** Not all routes were looked at. */
  readonly atLeast: boolean;
}

export interface TableShown {
  readonly table: number;
  readonly vrf: string;
  readonly family: string;
  readonly wanted: number;
  readonly installed: number;
  readonly conflicts: number;
  readonly failed: number;
}

export interface ConflictShown {
  readonly ip: string;
  readonly interface: string;
  readonly mac: string;
  readonly stage: string;
}

export interface PageView {
  readonly version: string;
  /** When this was true, ms since 1970. */
  readonly atMs: number;
  readonly startedMs: number;
  readonly node: string | null;
  readonly ready: boolean;
  /** `none`, or how far the node is drained. */
  readonly drain: string;
  readonly configuration: {
    readonly loadedAt: string | null;
    readonly files: number;
    readonly documents: number;
    readonly valid: boolean;
    /** An older one is in force. */
    readonly stale: boolean;
    readonly problems: Part<{ readonly severity: string; readonly text: string }>;
  };
  readonly peers: Part<PeerShown> & { readonly up: number };
  readonly services: Part<ServiceRow> & { readonly counts: readonly ServiceCount[] };
  readonly tables: readonly TableShown[];
  readonly rejected: readonly RejectedShown[];
  /** null: nobody uses layer 2. */
  readonly conflicts: Part<ConflictShown> | null;
  /** Nodes that may have a speaker; none where nobody uses layer 2. */
  readonly members: Part<MemberRow>;
  readonly bfd: Part<BfdViewRow>;
  readonly vrfs: Part<VrfRow>;
  readonly events: Part<EventRow>;
}

export interface ServiceCount {
  readonly protocol: 'bgp' | 'layer2';
  readonly reason: string;
  readonly services: number;
}
