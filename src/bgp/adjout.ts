/**
 * The Adj-RIB-Out of one peer (RFC 4271 §3.2). It lives across sessions: what the peer should have is kept while
 * nobody listens, what it has is known while somebody does, and `pull` turns the difference into messages at the pace
 * of the transport. So a slow peer costs bounded memory, and what is changed back in time is never sent.
 *
 *   set, delete, replace ─► Outbound, one a family ─► pull ─► UPDATE, ROUTE-REFRESH
 *
 * Withdrawals leave first: a peer that keeps an old route loses packets, one that waits for a new one does not.
 */
import { Writer } from '../lib/bytes.ts';
import type { Prefix } from '../lib/prefix.ts';
import { encodeAttributes } from './attr.ts';
import { type AddressFamily, Afi, Safi } from './const.ts';
import type { Context } from './context.ts';
import type { Bucket } from './interner.ts';
import { encodeRouteRefresh } from './message.ts';
import { Outbound } from './outbound.ts';
import type { PathAttributes } from './path.ts';
import type { ExportRoute } from './templates.ts';
import { encodeEndOfRib, writeReach, writeUnreach } from './update.ts';

/** Prefixes of one family, by what is known of them. */
export interface OutCounts {
  readonly desired: number;
  readonly advertised: number;
  /** Waiting to be sent or withdrawn. */
  readonly pending: number;
  /** Desired, but not for this session: no next hop for the family, or it was not agreed on; or too large to send. */
  readonly held: number;
}

export class AdjRibOut {
  /** What the peer should have is not complete yet: `pull` hands out nothing, so that End-of-RIB comes after all of it. */
  incomplete = false;
  /** UPDATE messages that `pull` handed out, End-of-RIB marks among them, over all sessions. */
  messagesSent = 0;
  /** The same of ROUTE-REFRESH messages: the marks around what is sent anew. */
  marksSent = 0;
  private readonly families = { ipv4: new Outbound('ipv4'), ipv6: new Outbound('ipv6') } as const;
  private context: Context | undefined;
  private scratch: Uint8Array | undefined;
  private ids = new Uint32Array(0);

  /** The peer should have `prefix` with what exportRoute makes of `attributes`, which must not change any more. */
  set(prefix: Prefix, attributes: PathAttributes): void {
    this.of(prefix).set(prefix, attributes);
  }

  /** The peer should not have `prefix`. */
  delete(prefix: Prefix): void {
    this.of(prefix).delete(prefix);
  }

  /** The peer should have these routes and no others. The last one counts where a prefix comes twice. */
  replace(routes: Iterable<readonly [Prefix, PathAttributes]>): void {
    for (const [prefix, attributes] of routes) this.of(prefix).set(prefix, attributes, true);
    this.families.ipv4.deleteUnnamed();
    this.families.ipv6.deleteUnnamed();
  }

  /**
   * The session is Established: all that is desired becomes pending for the families in `context`, and their
   * End-of-RIB marks after it (RFC 4724 §2). `exportRoute` is asked once for each template and family, and again in
   * the next session.
   */
  open(context: Context, exportRoute: ExportRoute): void {
    this.close();
    this.context = context;
    for (const family of context.families) this.families[family].open(exportRoute);
  }

  /** What `exportRoute` answers has changed during the session: the peer is told the difference. */
  reexport(exportRoute: ExportRoute): void {
    for (const family of this.context?.families ?? []) this.families[family].reexport(exportRoute);
  }

  /** The session is over: nothing is advertised any more. What is desired stays. */
  close(): void {
    this.context = undefined;
    this.scratch = undefined;
    this.families.ipv4.close();
    this.families.ipv6.close();
  }

  /**
   * The peer asked for all routes of a family again (RFC 2918); `enhanced` puts marks around them (RFC 7313). One that
   * comes while routes are still being sent for the first time, or for another request, is served after that.
   */
  refresh(family: AddressFamily, enhanced: boolean): void {
    this.families[family].refresh(enhanced);
  }

  /** `pull` has something to hand out. */
  get pending(): boolean {
    return isPending(this.families.ipv4) || isPending(this.families.ipv6);
  }

  /**
   * The next whole messages, in a buffer of their own: full ones until `maxOctets` is reached, so at most one message
   * more than that. What they say counts as advertised from now on. Undefined when there is nothing to say.
   */
  pull(maxOctets: number): Uint8Array | undefined {
    const { context } = this;
    if (context === undefined || this.incomplete) return undefined;
    const capacity = maxOctets + context.maxMessage;
    if (this.scratch === undefined || this.scratch.length < capacity) this.scratch = new Uint8Array(capacity);
    // More prefixes than this in one message would have to be shorter than /9 each.
    if (this.ids.length < context.maxMessage >> 1) this.ids = new Uint32Array(context.maxMessage >> 1);
    const w = new Writer(this.scratch, 0, capacity);
    while (w.at < maxOctets && this.pending) {
      // First of all: a mark that waited for room behind newer routes might wait for ever.
      for (const family of context.families) this.endRound(w, maxOctets, this.families[family]);
      for (const family of context.families) this.withdraw(w, maxOctets, this.families[family], context);
      for (const family of context.families) this.reach(w, maxOctets, this.families[family], context);
    }
    return w.at === 0 ? undefined : w.finish();
  }

  /** What the peer has, as the session's attributes. */
  *advertised(): Generator<{ prefix: Prefix; attributes: PathAttributes }, void> {
    yield* this.families.ipv4.routes();
    yield* this.families.ipv6.routes();
  }

  /** Prefixes kept from the peer because no message of this session can hold them with their attributes. */
  get oversized(): Prefix[] {
    return [...this.families.ipv4.refusedPrefixes(), ...this.families.ipv6.refusedPrefixes()];
  }

  counts(family: AddressFamily): OutCounts {
    const { desired, advertised, pending } = this.families[family];
    return { desired, advertised, pending, held: Math.max(0, desired - advertised - pending) };
  }

  private of(prefix: Prefix): Outbound {
    return prefix.family === 4 ? this.families.ipv4 : this.families.ipv6;
  }

  private withdraw(w: Writer, until: number, out: Outbound, context: Context): void {
    const { ids } = this;
    while (out.withdrawals.size > 0 && w.at < until) {
      const n = out.links.copy(out.withdrawals, ids);
      const end = writeUnreach(w, out.family, out.prefixes, ids, 0, n, context);
      for (let i = 0; i < end; i++) out.wasWithdrawn(ids[i]!);
      this.messagesSent++;
    }
  }

  private reach(w: Writer, until: number, out: Outbound, context: Context): void {
    if (w.at >= until) return;
    if (out.begins) {
      this.mark(w, out.family, 'beginOfRefresh');
      out.begins = false;
    }
    for (const bucket of out.waiting) {
      while (bucket.size > 0 && w.at < until) this.fill(w, out, bucket, context);
    }
  }

  private endRound(w: Writer, until: number, out: Outbound): void {
    if (!out.roundComplete || w.at >= until) return;
    if (out.round === 'enhanced') this.mark(w, out.family, 'endOfRefresh');
    else if (out.round === 'initial') {
      w.put8s(encodeEndOfRib(out.family));
      this.messagesSent++;
    }
    out.endRound();
  }

  private mark(w: Writer, family: AddressFamily, subtype: 'beginOfRefresh' | 'endOfRefresh'): void {
    w.put8s(encodeRouteRefresh({ afi: Afi[family], safi: Safi.unicast, subtype }));
    this.marksSent++;
  }

  /** One UPDATE with what fits of a bucket. */
  private fill(w: Writer, out: Outbound, bucket: Bucket, context: Context): void {
    const { ids } = this;
    bucket.encoded ??= encodeAttributes(bucket.attributes, out.family, context);
    const n = out.links.copy(bucket, ids);
    const end = writeReach(w, out.family, bucket.encoded, out.prefixes, ids, 0, n, context);
    if (end === 0) return out.refuse(ids[0]!);
    for (let i = 0; i < end; i++) out.wasSent(ids[i]!);
    this.messagesSent++;
  }
}

const isPending = (out: Outbound): boolean => out.pending > 0 || out.begins || out.roundComplete;
