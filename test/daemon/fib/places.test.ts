/** Where routes were put, on disk. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Place, Places } from '../../../src/daemon/fib/places.ts';
import { Folder } from '../../support/daemon.ts';

const place: Place = { table: 254, protocol: 186, metric: 20 };
let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

test('what is known is known in the state directory that a reload gives, too', () => {
  let dir = 'one';
  const all = () =>
    new Places(
      () => folder.file(dir),
      () => {},
    ).all(folder.file(dir));
  const places = new Places(
    () => folder.file(dir),
    () => {},
  );
  places.moved();
  expect(all()).toEqual([]);
  places.add(place);
  expect(all()).toEqual([place]);
  dir = 'two';
  expect(all()).toEqual([]);
  places.moved();
  expect(all()).toEqual([place]);
});
