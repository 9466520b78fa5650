import type { IncomingMessage } from 'node:http';

/** Posts that only look or wait. */
const readingPosts = /\/(wait|attach|resize|auth|session)$/;
const prefix = /^\/v[\d.]+/;

const urlOf = (req: IncomingMessage): URL => new URL((req.url ?? '/').replace(prefix, ''), 'http://engine');

export const isMutation = (req: IncomingMessage): boolean =>
  req.method !== 'GET' && req.method !== 'HEAD' && !readingPosts.test(urlOf(req).pathname);

export const isEvents = (req: IncomingMessage): boolean => urlOf(req).pathname === '/events';

/**
 * Tells calls by what they do to whom, in words that are the same in each run: containers are called by the name
 * that they got when they were made, or when they were renamed last.
 */
export class CallNames {
  readonly #byId = new Map<string, string>();

  of(req: IncomingMessage): string {
    const { pathname, searchParams } = urlOf(req);
    const [, kind = '', id = '', verb = ''] = pathname.split('/');
    const name = searchParams.get('name') ?? '';
    if (kind === 'images') return `pull ${searchParams.get('fromImage') ?? id}`;
    if (kind !== 'containers') return `${req.method === 'DELETE' ? 'remove' : id} ${kind}`;
    if (id === 'create') return `create ${name}`;
    const known = this.#byId.get(id) ?? id.slice(0, 12);
    if (verb === 'rename') return `rename ${known} to ${name}`;
    return `${req.method === 'DELETE' ? 'remove' : verb} ${known}`;
  }

  /** What was done names the container from then on: by the id that a create answers, or by the one renamed. */
  learn(req: IncomingMessage, status = 0, body: Buffer = Buffer.of()): void {
    const { pathname, searchParams } = urlOf(req);
    const name = searchParams.get('name');
    if (status >= 300 || name === null) return;
    const renamed = /^\/containers\/(.+)\/rename$/.exec(pathname)?.[1];
    const created = pathname === '/containers/create' ? /"Id":"([0-9a-f]+)"/.exec(body.toString())?.[1] : undefined;
    const id = renamed ?? created;
    if (id !== undefined) this.#byId.set(id, name);
  }
}
