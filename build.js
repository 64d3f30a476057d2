// Builds dist/ from src/: empties it, runs tsc, copies the templates of `svchost new`, and sets the executable bit.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '--project', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
cpSync('src/commands/new/template', 'dist/commands/new/template', { recursive: true });
chmodSync('dist/bin.js', 0o755);
