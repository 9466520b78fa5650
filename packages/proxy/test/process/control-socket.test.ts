import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { connectTo } from '../../src/process/connect.ts';
import { membersOf, type Calls } from '../../src/process/calls.ts';
import { openControlSocket } from '../../src/process/control-socket.ts';
import { placeIn } from '../../src/process/place.ts';
import { closing } from '../harness.ts';

test('a hundred workers of a supervisor that died lock nobody out who wants to control the next one', async () => {
  const dir = mkdtempSync(`${tmpdir()}/orca-control-`);
  closing(() => rmSync(dir, { recursive: true }));
  const place = placeIn(dir);
  const socket = await openControlSocket({
    path: place.socketPath,
    onFault: () => undefined,
    handlersFor: (session) => ({
      hello: (params) => {
        session().role = membersOf(params)['role'] === 'elder' ? 'elder' : 'visitor';
        return { isHeard: true };
      },
    }),
  });
  closing(() => socket.close());
  const hello = async (role: string): Promise<Calls> => {
    const calls = await connectTo(place, {});
    if (calls === undefined) throw new Error('nobody listens');
    closing(() => calls.end());
    expect(await calls.call('hello', { role })).toEqual({ isHeard: true });
    return calls;
  };
  for (let nth = 0; nth < 100; nth += 1) await hello('elder');
  for (let nth = 0; nth < 32; nth += 1) await hello('visitor');
  // Those who only ask are bounded.
  await expect(hello('visitor')).rejects.toMatchObject({ code: 'ORCA_PROXY_UNREACHABLE' });
});
