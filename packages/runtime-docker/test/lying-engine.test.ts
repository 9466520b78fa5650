import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { instanceKey, revision, type InstanceKey } from '@orca/reconcile';
import { createDockerRuntime, type DockerRuntime } from '@orca/runtime-docker';
import { Engine } from '../src/engine.ts';
import { watchEngine } from '../src/watch.ts';
import { createImages } from '../src/images.ts';
import { aSpec, noSecrets } from './a-spec.ts';

type Answer = (req: IncomingMessage, res: ServerResponse) => void;

const signal = new AbortController().signal;
const noFault = (): Promise<string | undefined> => Promise.resolve(undefined);
const key: InstanceKey = instanceKey('web', 1, revision('a'));
const labels = {
  'orca.managed': 'true',
  'orca.cluster': 'lies',
  'orca.service': 'web',
  'orca.project': 'int',
  'orca.slot': '1',
  'orca.revision': 'a',
  'orca.key': key,
  'orca.network': 'orca-int',
};
const json =
  (body: unknown, status = 200): Answer =>
  (_, res) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** What no real engine can be made to do on demand: stall, say 200 to a failure, and say no to what is done. */
describe('an engine that', () => {
  let dir: string;
  let server: Server;
  let answers: Map<string, Answer>;
  let asked: string[];
  let host: string;
  const runtime = (): DockerRuntime => createDockerRuntime({ cluster: 'lies', env: noSecrets, host });
  const container = (state: string): void => {
    const networks = { Networks: { 'orca-int': { IPAddress: '10.0.0.2' } } };
    const listed = { Id: 'c1', Names: ['/orca-web'], State: state, Image: 'i', Labels: labels };
    answers.set('GET /containers/json', json([{ ...listed, NetworkSettings: networks }]));
    const HostConfig = { RestartPolicy: { Name: 'no' }, Memory: 0 };
    const inspected = { Id: 'c1', Name: '/orca-web', State: { Status: state, ExitCode: 0 }, HostConfig };
    const rest = { Config: { Image: 'i', Labels: labels }, NetworkSettings: networks, Image: 'sha256:1' };
    answers.set('GET /containers/c1/json', json({ ...inspected, ...rest }));
  };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'orca-lies-'));
    asked = [];
    answers = new Map([['GET /version', json({ ApiVersion: '1.41', Version: '20.10' })]]);
    server = createServer((req, res) => {
      const { pathname } = new URL(req.url ?? '/', 'http://engine');
      const call = `${req.method} ${pathname.replace(/^\/v1\.\d+/, '')}`;
      asked.push(call);
      (answers.get(call) ?? json({ message: `no answer to ${call}` }, 500))(req, res);
    });
    const path = join(dir, 'engine.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    host = `unix://${path}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true });
  });

  it('13: does not answer is given up, and what was asked counts as maybe done', async () => {
    const { promise: hungUp, resolve } = Promise.withResolvers<undefined>();
    answers.set('GET /_ping', (_, res) => void res.on('close', () => resolve(undefined)));
    const engine = new Engine({ host });
    await expect(engine.call('start web', 200, (docker) => docker.ping())).rejects.toMatchObject({
      code: 'ORCA_RUNTIME_TIMEOUT',
      retryable: true,
    });
    // An engine that hangs is asked again and again: no connection to it may be left behind.
    await hungUp;
  });

  it('14: says 200 to a pull and fails inside the stream has not pulled', async () => {
    answers.set('GET /images/app:1/json', json({ message: 'No such image' }, 404));
    answers.set('GET /images/json', json([]));
    answers.set('POST /images/create', (_, res) => {
      res.writeHead(200).write(`${JSON.stringify({ status: 'Pulling' })}\n`);
      res.end(`${JSON.stringify({ error: 'unexpected EOF', errorDetail: { message: 'unexpected EOF' } })}\n`);
    });
    await expect(runtime().prepare(aSpec('web', '', { image: 'app:1' }), signal)).rejects.toThrow(/unexpected EOF/);
  });

  it('13: says nothing to a pull is given up, and another pull has its turn', async () => {
    answers.set('GET /images/app:1/json', json({ message: 'No such image' }, 404));
    answers.set('GET /images/json', json([]));
    const closed = Promise.withResolvers<void>();
    answers.set('POST /images/create', (_, res) => void res.on('close', closed.resolve));
    const options = {
      engine: new Engine({ host }),
      onMutation: () => {},
      onPulled: () => {},
      diskFault: noFault,
      silentMs: 200,
    };
    await expect(createImages(options).ensure(aSpec('web', '', { image: 'app:1' }), signal)).rejects.toThrow(
      /app:1.*did not answer within 0.2 s/,
    );
    // The engine is told: else it would go on, and the connection stay for as long as it does.
    await closed.promise;
  });

  it('27: trickles a pull for ever is given up, and another pull has its turn', async () => {
    answers.set('GET /images/app:1/json', json({ message: 'No such image' }, 404));
    answers.set('GET /images/json', json([]));
    answers.set('POST /images/create', (_, res) => {
      let current = 0;
      const trickle = setInterval(() => {
        current += 1;
        res.write(`${JSON.stringify({ id: 'a', status: 'Downloading', progressDetail: { current } })}\n`);
      }, 10);
      res.on('close', () => clearInterval(trickle));
    });
    const options = {
      engine: new Engine({ host }),
      onMutation: () => {},
      onPulled: () => {},
      diskFault: noFault,
      progressMs: 300,
    };
    await expect(createImages(options).ensure(aSpec('web', '', { image: 'app:1' }), signal)).rejects.toThrow(
      /app:1.*did not get ahead for 0.3 s/,
    );
  });

  it('44: has a full disk pulls nothing, also of a tag that moved, and the image that is here has to do', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    answers.set('GET /images/app:latest/json', json({ Id: 'sha256:1', RepoDigests: ['app@sha256:old'] }));
    answers.set('GET /distribution/app:latest/json', json({ Descriptor: { digest } }));
    answers.set('GET /images/new:1/json', json({ message: 'No such image' }, 404));
    const diskFault = (): Promise<string> => Promise.resolve('the disk is nearly full');
    const images = createImages({ engine: new Engine({ host }), onMutation: () => {}, onPulled: () => {}, diskFault });
    const moved = aSpec('web', 'pull_policy = "always"', { image: 'app:latest' });
    expect(await images.refresh(moved, signal)).toMatch(/nearly full.*going on with the image that is here/);
    await images.ensure(moved, signal);
    await expect(images.ensure(aSpec('web', '', { image: 'new:1' }), signal)).rejects.toMatchObject({
      code: 'ORCA_RUNTIME_DISK_FULL',
      retryable: true,
    });
    expect(asked).not.toContain('POST /images/create');
  });

  it('28, 31: has another image under the name by now is asked for the one that was meant, while that is here', async () => {
    answers.set('GET /images/app:latest/json', json({ Id: 'sha256:new', RepoDigests: [] }));
    answers.set('GET /images/sha256:old/json', json({ Id: 'sha256:old', RepoDigests: [] }));
    answers.set('GET /images/sha256:gone/json', json({ message: 'No such image' }, 404));
    const options = { engine: new Engine({ host }), onMutation: () => {}, onPulled: () => {}, diskFault: noFault };
    const images = createImages(options);
    const named = async (id?: string): Promise<string> => (await images.resolve('app:latest', id)).name;
    expect(await named('sha256:old')).toBe('sha256:old');
    expect(await named('sha256:new')).toBe('app:latest');
    expect(await images.resolve('app:latest', 'sha256:gone')).toMatchObject({ name: 'app:latest', isMeant: false });
    expect(await named()).toBe('app:latest');
    const fromRegistry = { Id: 'sha256:new', RepoDigests: ['app@sha256:of-the-registry'] };
    answers.set('GET /images/app:latest/json', json(fromRegistry));
    expect((await images.resolve('app:latest', undefined)).digest).toBe('sha256:of-the-registry');
  });

  it('9: whoever calls off does not wait for the end of a pull', async () => {
    answers.set('GET /images/app:1/json', json({ message: 'No such image' }, 404));
    answers.set('GET /images/json', json([]));
    const calledOff = new AbortController();
    answers.set('POST /images/create', (_, res) => {
      res.writeHead(200).write(`${JSON.stringify({ status: 'Pulling' })}\n`);
      calledOff.abort();
    });
    await expect(runtime().prepare(aSpec('web', '', { image: 'app:1' }), calledOff.signal)).rejects.toThrow(/aborted/);
  });

  it('39: dies in the middle of a pull has not blamed the image', async () => {
    answers.set('GET /images/app:1/json', json({ message: 'No such image' }, 404));
    answers.set('GET /images/json', json([]));
    answers.set('POST /images/create', (_, res) => {
      res.writeHead(200).write(`${JSON.stringify({ status: 'Pulling' })}\n`, () => res.destroy());
    });
    await expect(runtime().prepare(aSpec('web', '', { image: 'app:1' }), signal)).rejects.toMatchObject({
      code: 'ORCA_RUNTIME_UNREACHABLE',
      retryable: true,
    });
  });

  it('14: ends a pull without an error and without the image has not pulled', async () => {
    answers.set('GET /images/app:1/json', json({ message: 'No such image' }, 404));
    answers.set('GET /images/json', json([]));
    answers.set('POST /images/create', json({ status: 'Download complete' }));
    await expect(runtime().prepare(aSpec('web', '', { image: 'app:1' }), signal)).rejects.toThrow(/is not there/);
  });

  it('14: says 304 to a start or a stop has done it', async () => {
    container('created');
    answers.set('POST /containers/c1/start', json(undefined, 304));
    answers.set('POST /containers/c1/update', json({}));
    await runtime().start(key, signal);
    container('running');
    answers.set('POST /containers/c1/stop', json(undefined, 304));
    await runtime().stop(key, 1_000, signal);
    expect(asked).toContain('POST /containers/c1/stop');
  });

  it('14: says 404, or that a removal is in progress, has removed it; 409 for another reason has not', async () => {
    container('exited');
    answers.set('DELETE /containers/c1', json({ message: 'No such container' }, 404));
    await runtime().remove(key, signal);
    answers.set('DELETE /containers/c1', json({ message: 'removal of container c1 is already in progress' }, 409));
    await runtime().remove(key, signal);
    answers.set('DELETE /containers/c1', json({ message: 'You cannot remove a running container' }, 409));
    await expect(runtime().remove(key, signal)).rejects.toMatchObject({ retryable: true });
  });

  it('40: falls silent, or ends the stream, is asked for events anew', async () => {
    const [heard, stop]: [string[], AbortController] = [[], new AbortController()];
    let streams = 0;
    answers.set('GET /events', (_, res) => {
      streams += 1;
      res.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      const Actor = { ID: 'c1', Attributes: { 'orca.cluster': 'lies', 'orca.service': 'web' } };
      res.write(`${JSON.stringify({ Type: 'container', Action: `start${streams}`, Actor })}\n`);
      // The first is silent from now on; the second ends; the third goes on.
      if (streams === 2) res.end();
    });
    const watching = watchEngine(new Engine({ host }), {
      cluster: 'lies',
      signal: stop.signal,
      // Long enough for the others to say what they have to, also on a machine with other work.
      silentMs: 1_500,
      onEvent: (event) => {
        heard.push(event.type === 'changed' ? event.action : event.type);
        if (event.type === 'changed' && event.action === 'start3') stop.abort();
      },
    });
    await watching;
    const once = (n: number): readonly string[] => ['connected', `start${n}`, 'disconnected'];
    expect(heard).toEqual([...once(1), ...once(2), 'connected', 'start3']);
  });

  it('8: fails to list has not said that nothing is there', async () => {
    answers.set('GET /containers/json', json({ message: 'driver failed' }, 500));
    await expect(runtime().observe(signal)).rejects.toThrow(/driver failed/);
    answers.set('GET /containers/json', (_, res) => {
      res.writeHead(200, { 'content-length': '5000' }).write('[{"Id":"c1"');
      res.destroy();
    });
    await expect(runtime().observe(signal)).rejects.toThrow();
  });
});
