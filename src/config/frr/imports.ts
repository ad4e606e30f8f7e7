/** `imports` of a router of an FRRConfiguration: VRFs whose routes it has too. */
import { checkDeviceName } from '../device.ts';
import type { Findings, Path } from '../problem.ts';
import type { ImportDraft } from './draft.ts';
import type { RawRouter } from './schema.ts';

/** How documents name the default VRF here, which routers leave out. */
const DEFAULT = 'default';

/** @param own the VRF of the router, '' for the default one */
export function readImports(
  raw: NonNullable<RawRouter['imports']>,
  own: string,
  path: Path,
  findings: Findings,
): readonly ImportDraft[] {
  const imports = raw.flatMap(({ vrf: name }, i): ImportDraft[] => {
    const at = [...path, i, 'vrf'];
    if (!name) {
      findings.error(at, 'import without a vrf', `the name of a VRF, or ${DEFAULT}`);
      return [];
    }
    const vrf = name === DEFAULT ? '' : name;
    if (vrf !== '') checkDeviceName(name, at, findings);
    if (vrf === own) findings.error(at, `a router has the routes of its own vrf, ${name}, without importing them`);
    return [{ vrf, path: at }];
  });
  findings.duplicates(
    path,
    imports.map(({ vrf }) => vrf || DEFAULT),
    'import',
  );
  return imports;
}
