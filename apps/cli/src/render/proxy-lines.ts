import type { ProxyStatus } from '@orca/server';

/** The proxy's processes and what they serve; `undefined` is none. */
export const proxyLines = (status: ProxyStatus | undefined): readonly string[] => {
  if (status === undefined) return ['no proxy runs'];
  const { http, https, routes, isControlled, workers, pid } = status;
  const doors = [http, https].flatMap((at) => (at === undefined ? [] : [`${at.host}:${at.port}`]));
  const what = `serves ${routes} ${routes === 1 ? 'route' : 'routes'} on ${doors.join(' and ')}`;
  return [
    `proxy ${pid} ${doors.length === 0 ? 'serves nothing yet' : what}; ${isControlled ? 'a server controls it' : 'no server controls it'}`,
    ...workers.map((worker) => {
      const mib = Math.round(worker.residentBytes / 1024 / 1024);
      return `  worker ${worker.pid}  ${worker.isServing ? 'serves' : 'starts or ends'}  ${mib} MiB`;
    }),
  ];
};

/** What there is to say once it was told to end: how it was before, and whether it ended. */
export const endedLine = (before: Pick<ProxyStatus, 'isControlled'> | undefined, isStopped: boolean): string => {
  if (!isStopped) return 'no proxy runs';
  return before?.isControlled === true
    ? 'the proxy has ended; the server that controls it starts it again (to have none: end the server first)'
    : 'the proxy has ended; nothing listens on its port any more';
};
