// Runs a command that ends by itself, and keeps its output.
import { spawn } from 'node:child_process';

/** Options of a command. */
export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment of the command; default: the test process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Written to its standard input, which is then closed. */
  readonly input?: string | Uint8Array;
  /** The time limit in milliseconds, after which the command is killed and the promise rejects. Default: 60 s. */
  readonly timeoutMs?: number;
}

/** The result of a command. */
export interface CommandResult {
  /** Its exit code; `null` if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `file` with `args`. Rejects only if it cannot be started or does not end in time, whatever its exit code. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { cwd, env, input = '', timeoutMs = 60_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: 'pipe' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      const output = Buffer.concat([...stdout, ...stderr]).toString();
      reject(new Error(`${describe(file, args)} did not end within ${timeoutMs} ms; it wrote:\n${output}`));
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A command that ends without reading its input breaks the pipe, which is not a failure of the test.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Like `runCommand`, but rejects with the command's output if its exit code is not 0. Resolves with its stdout. */
export async function mustRun(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(file, args, options);
  if (code === 0) return stdout;
  throw new Error(`${describe(file, args)} ended with ${code ?? 'a signal'}:\n${stdout}${stderr}`);
}

function describe(file: string, args: readonly string[]): string {
  return [file, ...args].join(' ');
}
