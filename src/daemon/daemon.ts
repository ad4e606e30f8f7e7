/** The daemon put together: documents, engine, sessions, control and metrics, from start to farewell. */
import { Cease, ErrorCode, notification, shutdownData } from '../bgp/errors.ts';
import type { Configuration } from '../config/model.ts';
import { thisNode } from '../intent/node.ts';
import { interfaceAddresses, onLinkTest } from '../io/interfaces.ts';
import type { Logger } from '../io/log.ts';
import { unreadable } from '../netlink/unreadable.ts';
import { Bfd } from './bfd.ts';
import { Chronicle } from './chronicle.ts';
import { controlHandler, publicHandler } from './control.ts';
import { Documents, firstError } from './documents.ts';
import { Drainer } from './drain.ts';
import { Egress } from './egress.ts';
import { endAll } from './ending.ts';
import { Engine } from './engine.ts';
import { Exclusive } from './exclusive.ts';
import { Failures } from './failures.ts';
import { FastShare } from './fast/share.ts';
import { Front, type FrontPlaces } from './front.ts';
import { hearing } from './hearing.ts';
import { fallbackRouterId } from './identity.ts';
import { Layer2, realParts } from './layer2.ts';
import { Learned } from './learned.ts';
import { Listening } from './listen.ts';
import { Liveness } from './liveness.ts';
import { Loopback } from './loopback.ts';
import { Memory } from './memory.ts';
import { Network } from './network/network.ts';
import { Note } from './note.ts';
import { onDemand } from './ondemand.ts';
import { Presence } from './presence.ts';
import type { Decided } from './services.ts';
import { type MakeSession, Speaker } from './speaker.ts';
import { refuse, StartError } from './starterror.ts';
import { Symmetry } from './symmetry.ts';
import { Tenancy } from './tenancy.ts';

export interface DaemonOptions extends FrontPlaces {
  readonly paths: readonly string[];
  readonly node: string | undefined;
  readonly log: Logger;
  /** Sessions that are more than one (bgp/record.ts). */
  readonly makeSession?: MakeSession;
}

export class Daemon {
  readonly speaker: Speaker;
  readonly engine: Engine;
  readonly documents: Documents;
  /** This node's name, where it was not left to the documents. */
  readonly givenNode: string | undefined;
  /** A configuration is in force, and every Service was decided at least once. */
  ready = false;
  private readonly log: Logger;
  readonly chronicle: Chronicle;
  readonly drainer: Drainer;
  readonly layer2: Layer2;
  readonly egress: Egress;
  private readonly symmetry: Symmetry;
  readonly loopback: Loopback;
  private readonly tenancy: Tenancy;
  readonly learned: Learned;
  readonly bfd: Bfd;
  private readonly liveness: Liveness;
  readonly network: Network;
  readonly failures: Failures;
  private readonly memory: Memory;
  readonly presence: Presence;
  /** Nothing more is told of what cannot be read of the kernel. */
  private readonly deafen: () => void;
  private readonly exclusive = new Exclusive();
  private readonly listening: Listening;
  private readonly front: Front;

  constructor(options: DaemonOptions) {
    const { log } = options;
    this.givenNode = options.node;
    this.log = log;
    this.front = new Front(options);
    this.failures = new Failures(log);
    const chronicle = new Chronicle(log);
    this.chronicle = chronicle;
    this.deafen = unreadable.listen((first) => chronicle.unreadable(first));
    this.speaker = new Speaker(hearing(this), options.makeSession);
    this.engine = new Engine(this.speaker, fallbackRouterId, {
      decided: (decided) => this.decided(decided),
      peer: (change, name, detail) => chronicle.peer(change, name, detail),
      skipped: (peer) => chronicle.skipped(peer),
      problem: (text) => chronicle.problem('warn', text),
      resolved: () => this.loopback.resolved(),
      settled: () => this.settled(),
    });
    const stateDir = () => this.documents.config!.speaker.stateDir;
    const fast = new FastShare();
    this.layer2 = new Layer2({
      log,
      claimed: (report, text) => {
        chronicle.claim(report, text);
        if (report.stage !== 'begin') this.loopback.claimed();
      },
      takenOver: (node, text) => chronicle.happened('member', node, 'its addresses are taken over', text),
      parts: realParts(fast),
      failed: this.failures.of('layer 2 has ended: nothing is answered any more'),
    });
    this.bfd = new Bfd({
      log,
      worker: (events) => fast.join(events),
      failed: this.failures.of('BFD has ended: no path is watched any more'),
      onLinkTest,
      up: (name) => this.speaker.pathUp(name),
      down: (name, reason, independent) => this.speaker.pathDown(name, reason, independent),
      member: (node, up, discriminator, reason, loss) => {
        if (loss) this.layer2.takeovers.lost(node, loss);
        this.liveness.told(node, up, discriminator, reason);
      },
      happened: (name, event, reason) => chronicle.happened('bfd', name, event, reason),
    });
    this.liveness = new Liveness({
      log,
      watch: () => this.watchPaths(),
      deaf: () => this.bfd.isDeaf,
      addresses: interfaceAddresses,
      changed: (silent, joining) => this.engine.hear(silent, joining),
      heard: () => this.documents.heard(),
      healed: () => this.layer2.renew(),
      happened: (node, event, reason) => chronicle.happened('member', node, event, reason),
    });
    const note = new Note(stateDir, 'egress.json');
    this.egress = new Egress({
      log,
      note,
      isOurs: () => this.exclusive.has('egress'),
      happened: (key, event, reason) => chronicle.happened('egress', key, event, reason),
    });
    this.loopback = new Loopback({
      log,
      isOurs: () => this.exclusive.has('loopback'),
      yielded: (ip, decision) => this.layer2.yielded(ip, decision),
    });
    this.tenancy = new Tenancy(this.engine, (reason) =>
      log.warn({ reason }, 'who has which address cannot be remembered over a restart'),
    );
    this.learned = new Learned({
      speaker: this.speaker,
      log,
      stateDir,
      isOurs: () => this.exclusive.has('routes'),
      complete: () => this.ready && this.engine.roster.isComplete,
      happened: (event, reason) => chronicle.happened('route', '', event, reason),
    });
    this.symmetry = new Symmetry(log);
    this.drainer = new Drainer(
      this.engine,
      () => this.documents.config!.speaker.drain,
      (stage, causes) => {
        chronicle.drain(stage, causes);
        if (stage !== 'lowered') this.liveness[stage === 'none' ? 'enter' : 'leave']();
      },
    );
    this.network = new Network({
      log,
      sessions: () => this.speaker.established,
      isPeer: (name) => this.speaker.all.has(name),
      applied: () => this.listen(),
      happened: (policy, event, reason) => chronicle.happened('network', policy, event, reason),
    });
    this.listening = new Listening(
      this.speaker,
      () => this.network.missingVrfs(),
      (reason) => log.error(reason),
    );
    this.presence = new Presence(stateDir, (reason) =>
      log.warn({ reason }, 'peers cannot be told of a restart: the state directory is not writable'),
    );
    this.memory = new Memory({
      stateDir,
      snapshot: () => this.engine.services.allocator.snapshot(),
      failed: (what, reason) =>
        log.warn({ reason }, what === 'save' ? 'addresses cannot be remembered over a restart' : 'starting afresh'),
    });
    this.documents = new Documents({
      paths: options.paths,
      node: options.node,
      hearing: () => this.liveness.hearing,
      admit: (config) => {
        const { stateDir } = config.speaker;
        const [routes, loopback] = [this.learned.hasLeft(stateDir), this.loopback.hasLeft(stateDir)];
        return this.exclusive.take(config, { routes, loopback, egress: note.get(stateDir) });
      },
      apply: (config) => this.apply(config),
      read: (reading) => chronicle.read(reading, this.engine.config !== undefined),
      blind: (folder, reason) => log.warn({ folder, reason }, 'changes here are not seen: use `waypost reload`'),
    });
  }

  /** Resolves when the first configuration is in force. Rejects with `StartError` when there can be none. */
  async start(): Promise<void> {
    await this.front.open(controlHandler(this), publicHandler(this), this.log).catch(refuse);
    await this.documents.start();
    const { reading } = this.documents;
    if (!reading?.valid) throw new StartError(`no valid configuration to start with: ${firstError(reading)}`);
    await this.listening.begin().catch(refuse);
  }

  /**
   * Takes everything back: the node is drained, where its Speaker document wants that, and sessions end with a Cease that
   * carries `text`, or what the document says. `drain`: false leaves the first step out.
   */
  async stop(given = '', { drain: mayDrain = true } = {}): Promise<void> {
    this.documents.close();
    const drain = this.documents.config?.speaker.drain;
    const text = given || drain?.message || '';
    if (mayDrain && drain?.onShutdown && this.speaker.hasTold) {
      this.log.info({ waitMs: drain.waitMs }, 'draining');
      await this.drainer.begin('shutdown');
    }
    const cease = notification(ErrorCode.cease, Cease.administrativeShutdown, shutdownData(text));
    const steps: readonly (() => unknown)[] = [
      () => this.drainer.stop(),
      () => this.engine.stop(),
      () => this.network.stop(),
      () => this.liveness.leave(),
      () => this.layer2.stop(),
      () => this.symmetry.stop(),
      () => this.egress.stop(),
      () => this.presence.clear(),
      () => this.speaker.instances.stop(),
      () => this.speaker.stop(cease),
      () => this.loopback.stop(),
      () => this.tenancy.stop(),
      () => this.learned.stop(),
      () => this.memory.flush(),
      () => this.bfd.stop(),
      () => this.front.close(),
      () => this.deafen(),
      // Last: whoever takes over finds everything taken back.
      () => this.exclusive.release(),
    ];
    await endAll(steps, (reason) => this.log.error({ reason }, 'something cannot be taken back at the end'));
  }

  /** Loaded when somebody asks: the library that renders them would take a sixth of the time to start. */
  readonly metrics = onDemand(() => import('./metrics.ts').then(({ Metrics }) => new Metrics(this)));

  private apply(config: Configuration): void {
    const first = this.engine.config === undefined;
    if (first) this.engine.remember(this.memory.recall());
    if (first) this.speaker.setRestarting(this.presence.recall());
    else for (const kept of [this.presence, this.memory]) kept.moved();
    this.layer2.configure(config);
    this.egress.configure(config);
    this.symmetry.configure(config);
    this.learned.configure(config);
    this.speaker.instances.setAlwaysBlock(config.speaker.alwaysBlock);
    this.speaker.instances.setImports(config.imports);
    this.loopback.configure(config);
    this.tenancy.configure(config);
    void this.network.configure(config);
    this.liveness.configure(config);
    this.engine.apply(config);
    // Nobody has routes of a node that was drained when it started.
    if (thisNode(config).drained) void this.drainer.begin('label', first);
    else this.drainer.end('label');
    this.drainer.retune();
    this.listen();
  }

  /** VRFs that a policy has yet to make are listened in once they are there. */
  private listen(): void {
    const { config, roster } = this.engine;
    if (config !== undefined) this.listening.update(config, roster);
  }

  /** Peers, or members of the cluster, are others. */
  watchPaths(): void {
    this.bfd.wantSoon(() => [[...this.speaker.all.values()].map(({ settings }) => settings), this.liveness.watched]);
  }

  private decided({ key, before, after, reassigned }: Decided): void {
    if (reassigned) this.memory.changed();
    this.layer2.decided(key, after, before);
    this.egress.decided(key, after);
    this.loopback.decided(key, after);
    const layer2 = (this.engine.config?.layer2Advertisements.length ?? 0) > 0;
    this.chronicle.decided(key, [before, after], this.ready ? 'info' : 'debug', layer2);
  }

  private settled(): void {
    this.layer2.settled();
    this.egress.settled();
    this.loopback.settled();
    this.tenancy.settled(this.engine.config!);
    if (this.ready) return;
    const { services, announced } = this.chronicle.tally;
    this.log.info({ services, announced, peers: this.speaker.all.size }, 'ready');
    this.ready = true;
  }
}
