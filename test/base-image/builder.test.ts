// Builders whose layer cache would reuse stale sources.
import { describe, expect, it } from 'vitest';
import { readBuilder, refuseStaleCache } from '../../base-image/builder.ts';
import { createTree } from '../processor/tree.ts';

const buildah = (version: string, container = 'second') => ({ engine: `buildah-${version}`, container });

describe('a builder', () => {
  it('is recognized by the files that buildah writes into its containers', () => {
    const text = 'engine="buildah-1.28.2"\nname="x"\nid="abc"\nimageid="def"\nrootless=0\n';
    const directory = createTree({ containerenv: text });
    expect(readBuilder(`${directory}/containerenv`)).toEqual({ engine: 'buildah-1.28.2', container: 'abc' });
    expect(readBuilder(`${directory}/missing`)).toBeUndefined();
  });

  it.each(['1.28.2', '1.38.1'])(
    'is refused if it is buildah %s with layers: the next build would be stale',
    (version) => {
      expect(() => refuseStaleCache(buildah(version), 'first', '')).toThrow(
        /buildah-1\.\d+\.\d .*--build-arg SOURCES_ID=.*--layers=false.*Podman 5\.4/s,
      );
    },
  );

  it.each([
    ['a builder other than buildah', undefined, 'first', ''],
    ['buildah without layers, whose steps share a container', buildah('1.28.2', 'first'), 'first', ''],
    ['given a SOURCES_ID', buildah('1.28.2'), 'first', '17'],
    ['new enough', buildah('1.39.0'), 'first', ''],
    ['of the next major version', buildah('2.0.0'), 'first', ''],
  ])('is accepted if it is %s', (_, builder, earlier, sourcesId) => {
    expect(() => refuseStaleCache(builder, earlier, sourcesId)).not.toThrow();
  });
});
