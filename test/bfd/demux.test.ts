import { describe, expect, it } from 'vitest';
import { Demux, type Path } from '../../src/bfd/demux.ts';
import { type ControlPacket, states } from '../../src/bfd/packet.ts';
import { address } from '../../src/lib/address.ts';

const path = (peer: string, changes: Partial<Path> = {}): Path => ({
  ...{ hops: 'single', peer: address(peer), scope: 0, device: '' },
  ...changes,
});
const packet = (changes: Partial<ControlPacket> = {}): ControlPacket => ({
  ...{ diagnostic: 0, state: 'Down', poll: false, final: false, controlPlaneIndependent: false, demand: false },
  ...{ detectMult: 3, myDiscriminator: 77, yourDiscriminator: 0 },
  ...{ desiredMinTxUs: 1_000_000, requiredMinRxUs: 300_000, requiredMinEchoRxUs: 0 },
  ...changes,
});

const demux = new Demux<string>();
demux.add(1, path('192.0.2.1'), 'plain');
demux.add(2, path('192.0.2.1', { hops: 'multi' }), 'multihop');
demux.add(3, path('192.0.2.1', { device: 'red' }), 'in a VRF');
demux.add(4, path('fe80::1', { scope: 7 }), 'on link 7');
demux.add(5, path('fe80::1', { scope: 8 }), 'on link 8');

describe('without a discriminator, a packet goes to the session', () => {
  it.each([
    ['plain', path('192.0.2.1')],
    ['multihop', path('192.0.2.1', { hops: 'multi' })],
    ['in a VRF', path('192.0.2.1', { device: 'red' })],
    ['on link 7', path('fe80::1', { scope: 7 })],
    ['on link 8', path('fe80::1', { scope: 8 })],
    ['noSession', path('192.0.2.2')],
    ['noSession', path('fe80::1', { scope: 9 })],
    ['noSession', path('fe80::1', { scope: 7, hops: 'multi' })],
    ['noSession', path('192.0.2.1', { device: 'blue' })],
  ])('%s', (session, from) => {
    expect(demux.select(packet(), from)).toBe(session);
    expect(demux.select(packet({ state: 'AdminDown' }), from)).toBe(session);
  });

  it('but not in a state in which there must be one', () => {
    for (const state of states)
      expect(demux.select(packet({ state }), path('192.0.2.1'))).toBe(state.endsWith('Down') ? 'plain' : 'state');
  });
});

describe('with a discriminator, a packet goes to the session', () => {
  const to = (yourDiscriminator: number, from: Path) => demux.select(packet({ yourDiscriminator, state: 'Up' }), from);

  it('that has it, wherever it is from', () => {
    expect(to(1, path('192.0.2.1'))).toBe('plain');
    expect(to(1, path('198.51.100.9'))).toBe('plain');
    expect(to(2, path('198.51.100.9', { hops: 'multi' }))).toBe('multihop');
  });

  it('and to no other, though there is one with that peer', () => {
    expect(to(9, path('192.0.2.1'))).toBe('yourDiscriminator');
  });

  it('but not through the multihop port, or out of another VRF', () => {
    expect(to(1, path('192.0.2.1', { hops: 'multi' }))).toBe('yourDiscriminator');
    expect(to(2, path('192.0.2.1'))).toBe('yourDiscriminator');
    expect(to(1, path('192.0.2.1', { device: 'red' }))).toBe('yourDiscriminator');
    expect(to(3, path('192.0.2.1'))).toBe('yourDiscriminator');
  });
});

describe('authentication', () => {
  it('is looked at when the session is known, and then refused', () => {
    const authentication = Uint8Array.of(4, 28);
    expect(demux.select(packet({ authentication }), path('192.0.2.1'))).toBe('authentication');
    expect(demux.select(packet({ authentication }), path('192.0.2.2'))).toBe('noSession');
    expect(demux.select(packet({ authentication, yourDiscriminator: 9 }), path('192.0.2.1'))).toBe('yourDiscriminator');
    expect(demux.select(packet({ authentication, state: 'Up' }), path('192.0.2.1'))).toBe('state');
  });
});

describe('sessions', () => {
  it('are added once, and gone when removed', () => {
    const own = new Demux<string>();
    own.add(1, path('192.0.2.1'), 'a');
    expect(() => own.add(1, path('192.0.2.2'), 'b')).toThrow('discriminator 1 is in use');
    expect(() => own.add(2, path('192.0.2.1'), 'b')).toThrow('there is a session with single  192.0.2.1 0 already');
    expect(() => own.add(0, path('192.0.2.2'), 'b')).toThrow('0 is no discriminator');
    own.remove(2);
    own.remove(1);
    expect(own.select(packet(), path('192.0.2.1'))).toBe('noSession');
    expect(own.select(packet({ yourDiscriminator: 1 }), path('192.0.2.1'))).toBe('yourDiscriminator');
    own.add(1, path('192.0.2.1'), 'again');
    expect(own.select(packet(), path('192.0.2.1'))).toBe('again');
  });

  it('get discriminators that are neither 0 nor in use', () => {
    const chances = [0, 0.999_999_999_99, 1 / 2 ** 32, 0.5];
    expect(new Demux().newDiscriminator(() => chances.shift()!)).toBe(0xffff_ffff);
    expect(demux.newDiscriminator(() => chances.shift()!)).toBe(2 ** 31);
  });
});
