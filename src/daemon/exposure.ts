/** Passwords in files that everybody may read. */
import type { LoadedFile } from '../config/load.ts';
import type { Diagnostic } from '../config/model.ts';

/** Types that come in thousands and have no password. */
const many = new Set(['service', 'endpointSlice']);

/** A file that everybody may read, with a warning for each document in it that has a password. */
export function withExposed(loaded: LoadedFile): LoadedFile {
  const exposed = loaded.documents.flatMap(({ item, meta }): Diagnostic[] => {
    if (item === undefined || many.has(item.type) || !holdsPassword(item.value)) return [];
    const { kind, name, position } = meta;
    return [
      {
        severity: 'warning',
        position,
        subject: `${kind}/${name}`,
        path: '',
        message: 'has a password, and everybody on this machine may read the file',
        hint: `chmod 640 ${loaded.file}`,
      },
    ];
  });
  return exposed.length === 0 ? loaded : { ...loaded, diagnostics: [...loaded.diagnostics, ...exposed] };
}

/** As deep as a neighbour of a router, and some more. Positions lead back to the file. */
const holdsPassword = (value: unknown, depth = 6): boolean =>
  typeof value === 'object' &&
  value !== null &&
  depth > 0 &&
  Object.entries(value).some(([key, each]) =>
    key === 'password' ? typeof each === 'string' : key !== 'position' && holdsPassword(each, depth - 1),
  );
