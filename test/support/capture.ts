/** What really went over the wire, as tcpdump took it down and tshark reads it. */
import type { Namespace } from './netns.ts';
import { run, waitFor } from './process.ts';

export interface Capture {
  /** Where tcpdump writes. */
  readonly file: string;
  /**
   * Ends the capture and gives, for each packet that matches the display filter, the values
   * of the fields: a list each, since a packet may hold several messages.
   */
  fields(filter: string, names: readonly string[]): Promise<string[][][]>;
  stop(): Promise<void>;
}

/** Captures BGP on `port` at a device until it is stopped. What is sent after this resolves is in it. */
export async function capture(namespace: Namespace, device: string, port: number): Promise<Capture> {
  const file = `${namespace.folder('capture')}/bgp.pcap`;
  const tcpdump = namespace.spawn(
    // biome-ignore format: one command line
    ['tcpdump', '-i', device, '-n', '-U', '--immediate-mode', '-Z', 'root', '-w', file, 'tcp', 'port', `${port}`],
  );
  await waitFor('tcpdump listens', () => tcpdump.output.includes('listening on'), {
    alive: () => tcpdump.running,
    log: () => tcpdump.output,
  });
  const stop = async () => {
    await tcpdump.stop('SIGINT');
  };
  return {
    file,
    stop,
    async fields(filter, names) {
      await stop();
      const select = names.flatMap((name) => ['-e', name]);
      const text = await run(
        // biome-ignore format: one command line
        ['tshark', '-n', '-r', file, '-d', `tcp.port==${port},bgp`, '-Y', filter, '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=,', ...select],
      );
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('\t').map((value) => value.split(',').filter(Boolean)));
    },
  };
}
