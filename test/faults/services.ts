/** Text of a `[[service]]`, from the least that says what a scenario needs. */
export interface ServiceText {
  readonly name: string;
  /** Changing it makes another revision. */
  readonly env?: string;
  readonly image?: string;
  /** A line of shell, instead of a web server that works. */
  readonly command?: string;
  /** Made by orca if its name says so; the project's own unless told. */
  readonly network?: string;
  readonly dependsOn?: readonly string[];
  /** Mounts a volume of that name, which makes updates stop-first. */
  readonly volume?: string;
  /** Publishes its port on the host, which makes updates stop-first as well. */
  readonly hostPort?: number;
  readonly memoryMb?: number;
  /** `always` unless told. */
  readonly restart?: string;
  /** Is served by orca's proxy under `<name>.test`. */
  readonly isRouted?: boolean;
}

/** A web server of 2 MB that ends as soon as it is asked to. */
const tiny = `mkdir -p /www; echo ok > /www/index.html; trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait`;

export const serviceText = (s: ServiceText): string =>
  [
    '[[service]]',
    `name = "${s.name}"`,
    `image = "${s.image ?? 'busybox:1.36'}"`,
    ...(s.image === undefined ? [`command = ${JSON.stringify(['sh', '-c', s.command ?? tiny])}`] : []),
    ...(s.network === undefined ? [] : [`network = "${s.network}"`]),
    'port = 8080',
    'stop_grace_secs = 5',
    ...(s.restart === undefined ? [] : [`restart_policy = "${s.restart}"`]),
    ...(s.isRouted === true ? [`domain = "${s.name}.test"`] : []),
    ...(s.hostPort === undefined ? [] : [`host_port = ${s.hostPort}`]),
    ...(s.dependsOn === undefined ? [] : [`depends_on = [${s.dependsOn.map((name) => `"${name}"`).join(', ')}]`]),
    ...(s.memoryMb === undefined ? [] : ['[service.resources]', `memory = "${s.memoryMb}Mi"`]),
    '[service.deploy]',
    'min_healthy_secs = 0',
    'healthy_deadline_secs = 20',
    'drain_secs = 0',
    '[service.env]',
    `MARK = "${s.env ?? '1'}"`,
    ...(s.volume === undefined ? [] : ['[[service.volumes]]', `source = "${s.volume}"`, 'target = "/data"']),
    '',
  ].join('\n');
