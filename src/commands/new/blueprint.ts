// The files of a new service and their content: those of template/, with the names of the service filled in.
import { readFileSync } from 'node:fs';
import { version } from '../../version.ts';
import type { ServiceName } from './service-name.ts';

/** A kind of new service: driven by a queue, a queue on Amazon SQS, or a schedule. */
export type ServiceKind = 'queue' | 'sqs' | 'cron';

/** The language of a new service's code. */
export type ServiceLanguage = 'ts' | 'js';

/** The choices that decide the files of a new service. */
export interface Blueprint extends ServiceName {
  readonly kind: ServiceKind;
  readonly language: ServiceLanguage;
}

const templates = new URL('template/', import.meta.url);

/**
 * Each file of a service with its template. Templates of dotfiles have no dot: npm obeys a .gitignore inside a package,
 * and leaves it out of the tarball.
 */
export function filesOf({
  kind,
  language,
}: Pick<Blueprint, 'kind' | 'language'>): Readonly<Record<string, string>> {
  const work = `processor/${kind === 'cron' ? 'schedule' : 'message'}`;
  const own = `kind/${kind}`;
  const secrets = `${own}/env.secrets.example`;
  return {
    'package.json': `language/${language}/package.json`,
    [`${language}config.json`]: `language/${language}/${language}config.json`,
    [`processor.${language}`]: `${work}/processor.${language}`,
    [`lib/handler.${language}`]: `${work}/lib/handler.${language}`,
    [`processor.test.${language}`]: `${work}/processor.test.${language}`,
    'README.md': `${own}/README.md`,
    '.env.example': `${own}/env.example`,
    '.env': `${own}/env.example`,
    ...(kind !== 'cron' && { '.env.secrets.example': secrets, '.env.secrets': secrets }),
    Dockerfile: 'common/Dockerfile',
    '.dockerignore': 'common/dockerignore',
    '.gitignore': 'common/gitignore',
    '.prettierrc': 'common/prettierrc',
    '.vscode/launch.json': `${work}/launch.json`,
    ...(kind !== 'cron' && { '.vscode/finish.env': 'processor/message/finish.env' }),
  };
}

/** The content of each file, by its path in the service directory, with `/`. */
export function renderFiles(blueprint: Blueprint): ReadonlyMap<string, string> {
  const rendered = Object.entries(filesOf(blueprint)).map(([file, template]) => {
    const text = readFileSync(new URL(template, templates), 'utf8');
    return [file, fillIn(text, blueprint)] as const;
  });
  return new Map(rendered);
}

/** Replaces the names in a template, which is a service that works, by those of the new service. */
function fillIn(text: string, { name, className, queueName, language }: Blueprint): string {
  const names: Readonly<Record<string, string>> = {
    'my-service': name,
    MyServiceProcessor: className,
    my_queue: queueName,
    '.ts': `.${language}`,
    '^0.0.0': `^${version}`,
  };
  return text.replace(
    /my-service|MyServiceProcessor|my_queue|\.ts\b|\^0\.0\.0/g,
    (found) => names[found] ?? found,
  );
}
