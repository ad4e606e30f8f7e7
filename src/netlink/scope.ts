/** How far away the destination is (RT_SCOPE_*). IPv6 has but `universe`. */
export type Scope = 'universe' | 'site' | 'link' | 'host' | 'nowhere';
export const scopes: readonly (Scope | undefined)[] = Object.assign(Array.from<Scope | undefined>({ length: 256 }), {
  0: 'universe',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
});
