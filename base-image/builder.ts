// The program that builds the image, as far as its layer cache can be trusted.
import { existsSync, readFileSync } from 'node:fs';
import { BuildFault } from './fault.ts';

/** A container in which one step of a build runs. */
export interface Builder {
  /** Such as `buildah-1.28.2`. */
  readonly engine: string;
  /** With layers every step has a container of its own. */
  readonly container: string;
}

/** Reads the file that buildah and Podman write into the containers of a build; undefined with BuildKit, which writes none. */
export function readBuilder(file: string): Builder | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  const value = (name: string) => new RegExp(`^${name}="([^"]*)"`, 'm').exec(text)?.[1] ?? '';
  return { engine: value('engine'), container: value('id') };
}

/**
 * Refuses a build whose next run would show old sources. Before 1.39 (Podman 5.4) buildah takes a step from its cache
 * although the files that were mounted into it have changed.
 *
 * @param earlier the container of the step before
 * @param sourcesId SOURCES_ID, which is part of the step's key in the cache
 * @throws BuildFault
 */
export function refuseStaleCache(builder: Builder | undefined, earlier: string, sourcesId: string): void {
  const [, major = '', minor = ''] = /^buildah-(\d+)\.(\d+)/.exec(builder?.engine ?? '') ?? [];
  if (builder === undefined || major === '') return;
  const isSound = Number(major) > 1 || Number(minor) >= 39;
  const hasLayers = builder.container !== earlier;
  if (isSound || !hasLayers || sourcesId !== '') return;
  throw new BuildFault(
    `${builder.engine} takes a step from its cache even where the sources behind it have changed, so that the next ` +
      'build would hold the old ones. Build with --build-arg SOURCES_ID=$(date +%s), or any text that changes with ' +
      'the sources; or with --layers=false; or with Podman 5.4 or later',
  );
}
