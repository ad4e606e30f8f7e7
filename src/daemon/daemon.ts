/** The daemon put together: documents, engine, sessions, control and metrics, from start to farewell. */
import { Cease, ErrorCode, notification, shutdownData } from '../bgp/errors.ts';
import { STOPPED } from '../bgp/session.ts';
import { crc32 } from '../io/crc.ts';
import { type HttpServer, serveTcp, serveUnix } from '../io/http.ts';
import { highestIpv4, hostName } from '../io/interfaces.ts';
import type { Logger } from '../io/log.ts';
import { formatAddress, toU32 } from '../lib/address.ts';
import { controlHandler, publicHandler } from './control.ts';
import { Documents, diagnosticLines, type Reading } from './documents.ts';
import { Engine } from './engine.ts';
import { Metrics } from './metrics.ts';
import type { Decided } from './services.ts';
import { Speaker } from './speaker.ts';
import { loadAssignments, saveAssignments } from './state.ts';

export interface DaemonOptions {
  readonly paths: readonly string[];
  readonly node: string | undefined;
  /** Path of the control socket. */
  readonly control: string | undefined;
  readonly http: { readonly host: string; readonly port: number } | undefined;
  readonly log: Logger;
}

/** How long assignments gather before they are written, ms. */
const SAVE_MS = 100;

/** The daemon could not start; the message is for the operator. */
export class StartError extends Error {}

export class Daemon {
  readonly speaker: Speaker;
  readonly engine: Engine;
  readonly documents: Documents;
  readonly metrics: Metrics;
  /** A configuration is in force, and every Service was decided at least once. */
  ready = false;
  private readonly options: DaemonOptions;
  private readonly log: Logger;
  private readonly servers: HttpServer[] = [];
  private listening: Promise<void> = Promise.resolve();
  private saveTimer: NodeJS.Timeout | undefined;
  private saveFailed = false;
  private savedText = '';

  constructor(options: DaemonOptions) {
    const { log } = options;
    this.options = options;
    this.log = log;
    this.speaker = new Speaker({
      state: (peer, from, to, reason) => {
        const fields = { peer: peer.name, from, to, ...(reason && { reason }) };
        if (to === 'Established' || from === 'Established')
          log.info(fields, `session ${to === 'Established' ? 'up' : 'down'}`);
        else if ((to === 'Idle' || to === 'Active') && reason !== STOPPED) log.warn(fields, 'session attempt failed');
        else log.debug(fields, 'session state');
      },
      update: (peer, { faults }) => {
        for (const fault of faults) log.warn({ peer: peer.name, ...fault }, 'faulty attribute in UPDATE (RFC 7606)');
      },
      stranger: ({ remote }) =>
        log.info({ address: formatAddress(remote) }, 'call from an address that is no peer: refused'),
    });
    this.engine = new Engine(this.speaker, fallbackRouterId, {
      decided: (decided) => this.decided(decided),
      peer: (change, name, detail) => log.info({ peer: name, ...(detail && { detail }) }, `peer ${change}`),
      skipped: ({ document, reason, detail }) =>
        log.info({ peer: document.name, reason, detail }, 'peer does not run here'),
      settled: () => this.settled(),
    });
    this.documents = new Documents({
      paths: options.paths,
      node: options.node,
      hostname: hostName(),
      apply: (config) => {
        if (this.engine.config === undefined) this.recall(config.speaker.stateDir);
        this.engine.apply(config);
        this.listening = this.listen();
        this.listening.catch((error) => {
          if (this.ready) log.error(error.message);
        });
      },
      read: (reading) => this.read(reading),
    });
    this.metrics = new Metrics(this.speaker, this.engine, this.documents);
  }

  /** Resolves when the first configuration is in force. Rejects with `StartError` when there can be none. */
  async start(): Promise<void> {
    const { control, http } = this.options;
    try {
      if (control !== undefined) this.servers.push(await serveUnix(control, controlHandler(this)));
      if (http !== undefined) this.servers.push(await serveTcp(http.host, http.port, publicHandler(this)));
    } catch (error) {
      throw new StartError((error as Error).message);
    }
    await this.documents.start();
    const { reading } = this.documents;
    if (!reading?.valid) {
      const errors = (reading?.diagnostics ?? []).filter((d) => d.severity === 'error').length;
      throw new StartError(`no valid configuration to start with: ${errors} error${errors === 1 ? '' : 's'} above`);
    }
    try {
      await this.listening;
    } catch (error) {
      throw new StartError((error as Error).message);
    }
  }

  /** Takes everything back: sessions end with a Cease that carries `text`, nothing is announced any more. */
  async stop(text = ''): Promise<void> {
    this.documents.close();
    this.engine.stop();
    if (this.saveTimer) this.save();
    await this.speaker.stop(notification(ErrorCode.cease, Cease.administrativeShutdown, shutdownData(text)));
    for (const server of this.servers) server.close();
  }

  private listen(): Promise<void> {
    const { addresses, port } = this.engine.config!.speaker.listen;
    return this.speaker.setListeners(addresses.map((address) => ({ address, port })));
  }

  private read(reading: Reading): void {
    const { log } = this;
    this.metrics.read(reading.valid);
    const errors = reading.diagnostics.filter((d) => d.severity === 'error');
    const warnings = reading.diagnostics.filter((d) => d.severity === 'warning');
    for (const line of diagnosticLines(errors)) log.error(line);
    for (const line of diagnosticLines(warnings)) log.warn(line);
    const fields = { files: reading.files.length, warnings: warnings.length };
    if (reading.valid) log.info(fields, 'configuration read');
    else
      log.error(
        { ...fields, errors: errors.length },
        this.engine.config ? 'configuration refused: the last good one stays in force' : 'configuration refused',
      );
  }

  private decided({ key, before, after }: Decided): void {
    const [was, is] = [before?.bgp, after?.bgp];
    if (was?.announced === is?.announced && was?.reason === is?.reason) return;
    const ips = (after ?? before)?.ips.map(formatAddress);
    const level = this.ready ? 'info' : 'debug';
    if (is?.announced) this.log[level]({ service: key, ips, protocol: 'bgp' }, 'service announced');
    else {
      const reason = is?.reason ?? 'serviceDeleted';
      const text = was?.announced ? 'service withdrawn' : 'service not announced';
      this.log[level]({ service: key, reason, ...(is?.detail && { detail: is.detail }), protocol: 'bgp' }, text);
    }
  }

  private settled(): void {
    if (!this.ready) {
      const decisions = [...this.engine.services.decisions.values()];
      const announced = decisions.filter((d) => d.bgp.announced).length;
      this.log.info({ services: decisions.length, announced, peers: this.speaker.all.size }, 'ready');
    }
    this.ready = true;
    this.saveTimer ??= setTimeout(() => this.save(), SAVE_MS);
  }

  private recall(stateDir: string): void {
    try {
      this.engine.remember(loadAssignments(stateDir));
    } catch (error) {
      this.log.error(
        { stateDir, error: (error as Error).message },
        'remembered addresses are not usable: starting without',
      );
    }
  }

  private save(): void {
    clearTimeout(this.saveTimer);
    this.saveTimer = undefined;
    const { stateDir } = this.engine.config!.speaker;
    const assignments = this.engine.services.allocator.snapshot();
    const text = JSON.stringify(assignments);
    if (text === this.savedText || (this.savedText === '' && assignments.length === 0)) return;
    try {
      saveAssignments(stateDir, assignments);
      this.savedText = text;
      this.saveFailed = false;
    } catch (error) {
      if (!this.saveFailed)
        this.log.warn(
          { stateDir, error: (error as Error).message },
          'addresses given to Services cannot be remembered over a restart',
        );
      this.saveFailed = true;
    }
  }
}

/** As MetalLB derives it: an address of the node, or else a hash of its name. */
function fallbackRouterId(nodeName: string): number {
  const address = highestIpv4();
  return address ? toU32(address.bytes) : swap32(crc32(nodeName));
}

const swap32 = (v: number): number =>
  (((v & 0xff) << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24)) >>> 0;
