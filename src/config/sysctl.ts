/** The Speaker's `network`: the sysctls of interfaces, and how changes of the network are taken back. */
import { z } from 'zod';
import { checkDeviceName } from './device.ts';
import { parseDuration } from './duration.ts';
import { EVERY, type NetworkSettings } from './network.ts';
import type { Findings } from './problem.ts';
import { bool, duration, type Output } from './schema.ts';
import { durationHint } from './timers.ts';

export const networkDefaults: NetworkSettings = {
  rollbackMs: 60_000,
  probe: { gateway: true, sessions: true },
  vrfSysctls: true,
  interfaces: [],
};

export const networkSchema = () =>
  z
    .object({
      rollback: duration()
        .optional()
        .describe(
          'How long a change may take to be confirmed before it is rolled back, 1s..1h; 0s: never. Default 60s.',
        ),
      probe: z
        .object({
          gateway: bool().optional().describe('A default gateway that answered must answer again. Default true.'),
          sessions: bool().optional().describe('BGP sessions that were up must be up again. Default true.'),
          command: z.string().optional().describe('A shell command that must succeed. Default none.'),
        })
        .optional()
        .describe('What must be so for a change to be confirmed.'),
      vrfSysctls: bool()
        .optional()
        .describe(
          'Set what a VRF of a policy needs to pass packets on: forwarding of both families, and rp_filter loose where it is strict. Default true.',
        ),
      tcpL3mdevAccept: bool()
        .optional()
        .describe(
          'Programs that are bound to no VRF accept connections from all of them (tcp_l3mdev_accept). Default: unchanged.',
        ),
      interfaces: z
        .array(
          z.object({
            name: z
              .string()
              .min(1, 'the name is empty')
              .describe('Name of the interface; all for what counts beside the setting of each, rpFilter alone.'),
            forwarding: bool().optional().describe('Forward IPv4 and IPv6 packets that come in here.'),
            rpFilter: z
              .enum(['off', 'strict', 'loose'])
              .optional()
              .describe('Whether IPv4 packets are dropped when their way back is another one (RFC 3704).'),
          }),
        )
        .optional()
        .describe('Sysctls of single interfaces.'),
    })
    .optional()
    .describe("Changes to the node's network.");

type Raw = NonNullable<Output<typeof networkSchema>>;

const MAX_ROLLBACK_MS = 3_600_000;

export function readNetwork(raw: Raw, findings: Findings): NetworkSettings {
  const { rollback, probe = {}, vrfSysctls, tcpL3mdevAccept, interfaces = [] } = raw;
  const path = ['spec', 'network'];
  const ms = rollback === undefined ? networkDefaults.rollbackMs : parseDuration(rollback);
  if (ms === undefined)
    findings.error([...path, 'rollback'], `invalid duration ${JSON.stringify(rollback)}`, durationHint(rollback!));
  else if (ms !== 0 && (ms < 1000 || ms > MAX_ROLLBACK_MS))
    findings.error([...path, 'rollback'], 'must be 0s or in 1s..1h');
  for (const [i, { name, forwarding }] of interfaces.entries()) {
    if (name !== EVERY) checkDeviceName(name, [...path, 'interfaces', i, 'name'], findings);
    else if (forwarding !== undefined)
      findings.error(
        [...path, 'interfaces', i, 'forwarding'],
        'changes every interface, which could not be given back',
        'name those that are to forward',
      );
    if (interfaces.findIndex((other) => other.name === name) !== i)
      findings.error([...path, 'interfaces', i, 'name'], `duplicate definition of interface ${JSON.stringify(name)}`);
  }
  return {
    rollbackMs: ms ?? networkDefaults.rollbackMs,
    probe: {
      gateway: probe.gateway ?? true,
      sessions: probe.sessions ?? true,
      ...(probe.command && { command: probe.command }),
    },
    vrfSysctls: vrfSysctls ?? networkDefaults.vrfSysctls,
    ...(tcpL3mdevAccept !== undefined && { tcpL3mdevAccept }),
    interfaces: interfaces.map(({ name, forwarding, rpFilter }) => ({
      name,
      ...(forwarding !== undefined && { forwarding }),
      ...(rpFilter !== undefined && { rpFilter }),
    })),
  };
}
