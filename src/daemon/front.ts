/** Where people and programs ask the daemon: the control socket, and HTTP for those that only look. */
import { type Handler, type HttpServer, serveTcp, serveUnix } from '../io/http.ts';
import type { Logger } from '../io/log.ts';

export interface FrontPlaces {
  /** Path of the control socket. */
  readonly control: string | undefined;
  readonly http: { readonly host: string; readonly port: number } | undefined;
}

export class Front {
  private readonly places: FrontPlaces;
  private readonly servers: HttpServer[] = [];

  constructor(places: FrontPlaces) {
    this.places = places;
  }

  /** Rejects with a message for the operator; `close` ends what is open by then. */
  async open(control: Handler, looking: Handler, log: Logger): Promise<void> {
    const { control: path, http } = this.places;
    if (path !== undefined) this.servers.push(await serveUnix(path, control));
    if (http === undefined) return;
    const server = await serveTcp(http.host, http.port, looking);
    this.servers.push(server);
    const host = http.host.includes(':') ? `[${http.host}]` : http.host;
    log.info({ url: `http://${host}:${server.port}/` }, 'status page, metrics and health');
  }

  close(): void {
    for (const server of this.servers.splice(0)) server.close();
  }
}
