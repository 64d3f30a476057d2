// The consume config while it is edited, taken away and broken.
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConsumeConfigFile } from '../../src/config/consume-config.ts';
import { createTree } from '../processor/tree.ts';

function open(content?: string) {
  const directory = createTree(content === undefined ? {} : { 'consume.env': content });
  const file = path.join(directory, 'consume.env');
  const warnings: string[] = [];
  const config = new ConsumeConfigFile(file, (message) => warnings.push(message));
  return { config, file, warnings };
}

describe('EXIT_WHEN_FINISHED', () => {
  it.each([
    ['EXIT_WHEN_FINISHED=1', true],
    ['EXIT_WHEN_FINISHED=true\r\n', true],
    ['\uFEFFEXIT_WHEN_FINISHED="yes"', true],
    ['# EXIT_WHEN_FINISHED=1', false],
    ['EXIT_WHEN_FINISHED=0', false],
    ['EXIT_WHEN_FINISHED=', false],
    ['VISIBILITY_TIMEOUT=30', false],
    ['', false],
  ])('in %j is read without a warning', (content, exitWhenFinished) => {
    const { config, warnings } = open(content);
    expect(config.read()).toEqual({ exitWhenFinished });
    expect(warnings).toEqual([]);
  });

  it('counts as it is now, not as it was', () => {
    const { config, file } = open('EXIT_WHEN_FINISHED=0');
    expect(config.read().exitWhenFinished).toBe(false);
    writeFileSync(file, 'EXIT_WHEN_FINISHED=1 # since noon');
    expect(config.read().exitWhenFinished).toBe(true);
    rmSync(file);
    expect(config.read().exitWhenFinished).toBe(false);
    writeFileSync(file, 'EXIT_WHEN_FINISHED=1');
    expect(config.read().exitWhenFinished).toBe(true);
  });

  it('that is neither true nor false is named in a warning, and not taken', () => {
    const { config, file, warnings } = open('EXIT_WHEN_FINISHED=maybe');
    expect(config.read().exitWhenFinished).toBe(false);
    expect(warnings).toEqual([
      `CONSUME_CONFIG_FILE_PATH ${file}: EXIT_WHEN_FINISHED: expected true or false; found "maybe"; nothing of it is used`,
    ]);
  });
});

describe('a file that cannot be read', () => {
  it('sets nothing, with one warning as long as it stays so', () => {
    const { config, file, warnings } = open();
    expect([config.read(), config.read()]).toEqual([
      { exitWhenFinished: false },
      { exitWhenFinished: false },
    ]);
    expect(warnings).toEqual([expect.stringContaining(`CONSUME_CONFIG_FILE_PATH ${file}: ENOENT`)]);
  });

  it('is warned about again when it went missing again', () => {
    const { config, file, warnings } = open();
    config.read();
    writeFileSync(file, '');
    config.read();
    rmSync(file);
    config.read();
    expect(warnings).toHaveLength(2);
  });

  it('never throws: the host would end by it', () => {
    const { config, file, warnings } = open();
    symlinkSync('consume.env', file);
    expect(config.read()).toEqual({ exitWhenFinished: false });
    expect(warnings).toEqual([expect.stringContaining('ELOOP')]);
    const directory = new ConsumeConfigFile(path.dirname(file), (message) => warnings.push(message));
    expect(directory.read()).toEqual({ exitWhenFinished: false });
    expect(warnings).toEqual([expect.any(String), expect.stringContaining('EISDIR')]);
  });
});
