/** A string that only a constructor of this package can make, so that a raw one cannot take its place. */
export type Brand<T, B extends string> = T & { readonly __brand: B };

/** 2–63 characters, `a-z`, `0-9` and `-`, starting with a letter or digit: safe as a DNS label and as part of a container name. */
export type ServiceName = Brand<string, 'ServiceName'>;

/** Text that may hold `${secrets.NAME}`; parsed once, rendered last, and never expanded a second time. */
export interface Template {
  readonly parts: readonly (string | { readonly secret: string })[];
}

/** One published port: `extra_ports = ["127.0.0.1:22222:22/tcp"]`. */
export interface PublishedPort {
  /** Host address to bind, `0.0.0.0` when the text names none. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** A named engine volume. An existing one of this name is used, never renamed, never removed. */
export interface VolumeMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** A bind mount. `source` is absolute: relative text was resolved against the infra root and checked to lie inside it. */
export interface BindMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** An HTTP check of a container, times in milliseconds. */
export interface Probe {
  readonly path: string;
  /** The container port asked; the service's `port` when the text names none. */
  readonly port: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failures that make it unhealthy. */
  readonly failureThreshold: number;
  /** Nothing is asked before this has passed since the container started. */
  readonly initialDelayMs: number;
}

/** How one revision replaces another. */
export interface DeployPolicy {
  readonly strategy: 'rolling' | 'blue-green' | 'canary';
  /** The user's explicit choice; `undefined` lets `updateOrderOf` decide. */
  readonly order: 'start-first' | 'stop-first' | undefined;
  /** A replacement must stay healthy this long before it is trusted. */
  readonly minHealthyMs: number;
  /** A new instance that is not healthy by then has failed. */
  readonly healthyDeadlineMs: number;
  /** Without a probe: how long it must run without a restart to count as ready. */
  readonly monitorMs: number;
  /** How long an old instance may finish its requests after it left the route table. */
  readonly drainMs: number;
  readonly maxUnavailable: number | undefined;
  readonly canaryWeight: number | undefined;
}

export interface Resources {
  readonly memoryBytes: number | undefined;
  /** Cores, for example 0.5. */
  readonly cpus: number | undefined;
}

/** Public entrance over HTTP; `undefined` on the service when it has no domain. */
export interface RouteSpec {
  /** Lower-case A-labels; never empty. */
  readonly domains: readonly string[];
  /** Path prefixes without a trailing `*`; `["/"]` when the text names none. */
  readonly paths: readonly string[];
  readonly stripPrefix: boolean;
  /** The container port that is asked. */
  readonly port: number;
  /** `[service.proxy]`; absent when the text has none, and in records of versions that did not know it. */
  readonly policy?: RoutePolicy | undefined;
  /** A certificate that somebody else obtains, instead of one of `[acme]`. */
  readonly tls?: RouteTls | undefined;
}

/** `tls_cert` and `tls_key`: files in PEM, absolute or relative to the infra root. */
export interface RouteTls {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What the proxy does for a service beyond forwarding. Absence is always the default. */
export interface RoutePolicy {
  /** What instances speak; `h2c` is HTTP/2 in the clear, which gRPC needs. */
  readonly protocol: 'http/1.1' | 'h2c' | undefined;
  /** How long a request may wait while nothing can take it. */
  readonly holdMs: number | undefined;
  readonly holdMaxRequests: number | undefined;
  /** Paths that are answered 200 while requests wait. */
  readonly holdHealthPaths: readonly string[] | undefined;
  /** Name of the cookie that keeps a client on its instance. */
  readonly stickyCookie: string | undefined;
  readonly maxBodyBytes: number | undefined;
  readonly rate: RatePolicy | undefined;
  /** False: plain HTTP is served like HTTPS, also when there is a certificate. */
  readonly httpsRedirect: boolean | undefined;
  readonly hsts: HstsPolicy | undefined;
  readonly compress: boolean | undefined;
  /** Refuses paths that an application may read as another one. */
  readonly strictPath: boolean | undefined;
  /** 0 waits for ever. */
  readonly responseHeadersMs: number | undefined;
  readonly responseIdleMs: number | undefined;
}

/** RFC 6797 §6.1. */
export interface HstsPolicy {
  readonly maxAgeSeconds: number;
  readonly includeSubDomains: boolean;
  readonly preload: boolean;
}

/** How often one client may ask. */
export interface RatePolicy {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number | undefined;
}

/** A file system in memory; `options` as for mount(8), for example `size=64m,mode=1777`. */
export interface Tmpfs {
  readonly target: string;
  readonly options: string;
}

/** -1 is "no limit". */
export interface Ulimit {
  readonly soft: number;
  readonly hard: number;
}

/** A device of the host, allowed by cluster.toml; `permissions` out of `rwm`. */
export interface Device {
  readonly host: string;
  readonly container: string;
  readonly permissions: string;
}

/** Either so many GPUs, or those of these ids. */
export interface Gpus {
  readonly count: number | 'all' | undefined;
  readonly ids: readonly string[] | undefined;
}

export interface Logging {
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

/** One deployable as its user wrote it: defaults filled in, units converted, never modified. */
export interface ServiceSpec {
  readonly name: ServiceName;
  /** The directory under `services/` (or the `project` key): services of one project share a network. */
  readonly project: string;
  readonly image: string;
  readonly pullPolicy: 'auto' | 'always' | 'never' | 'if-not-present';
  readonly replicas: number;
  readonly command: readonly Template[] | undefined;
  readonly env: Readonly<Record<string, Template>>;
  readonly port: number | undefined;
  readonly route: RouteSpec | undefined;
  readonly dependsOn: readonly ServiceName[];
  readonly publishedPorts: readonly PublishedPort[];
  readonly volumes: readonly VolumeMount[];
  readonly mounts: readonly BindMount[];
  readonly readiness: Probe | undefined;
  readonly liveness: Probe | undefined;
  /** Further network names, besides `<service>` and `orca-<service>`. */
  readonly aliases: readonly string[];
  /** An existing or shared network instead of `orca-<project>`. */
  readonly network: string | undefined;
  readonly resources: Resources;
  readonly restartPolicy: {
    readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
    readonly maxRetries: number;
  };
  readonly stopGraceMs: number;
  readonly stopSignal: string | undefined;
  readonly deploy: DeployPolicy;
  readonly backup: { readonly enabled: boolean; readonly preHook: string | undefined };
  /** From here on: what Compose has under the same names; see docs/service-toml.md. */
  readonly entrypoint: readonly Template[] | undefined;
  readonly user: string | undefined;
  readonly workingDir: string | undefined;
  readonly hostname: string | undefined;
  readonly init: boolean | undefined;
  readonly tmpfs: readonly Tmpfs[] | undefined;
  readonly shmBytes: number | undefined;
  readonly ulimits: Readonly<Record<string, Ulimit>> | undefined;
  /** Without `CAP_`. */
  readonly capAdd: readonly string[] | undefined;
  readonly capDrop: readonly string[] | undefined;
  readonly devices: readonly Device[] | undefined;
  readonly gpus: Gpus | undefined;
  /** `name:address` or `name:host-gateway`. */
  readonly extraHosts: readonly string[] | undefined;
  readonly dns: readonly string[] | undefined;
  readonly sysctls: Readonly<Record<string, string>> | undefined;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** As written, relative to the infra root; what is in them has become part of `env`. */
  readonly envFiles: readonly string[] | undefined;
  readonly readOnlyRoot: boolean | undefined;
  readonly privileged: boolean | undefined;
  /** Joins the network `orca-internal` as well, where services of other projects reach it. */
  readonly internal: boolean | undefined;
  /** Its writable volumes and mounts tolerate several writers. */
  readonly sharedVolume: boolean | undefined;
  readonly logging: Logging | undefined;
  /** Files that hold secrets, on a file system in memory, sorted by target. */
  readonly secretFiles: readonly SecretFile[] | undefined;
  /** A changed secret replaces it without a deploy being asked for. */
  readonly autoRedeploy: boolean | undefined;
  /** Secrets whose values became part of the fields above, by name. Those of templates are not among them. */
  readonly filled: readonly string[] | undefined;
  /** Where it was written, for messages. */
  readonly source: { readonly file: string; readonly line: number };
}

/** A file in the container, for an image that reads `*_FILE`: only its owner may read it. */
export interface SecretFile {
  /** Absolute path in the container. */
  readonly target: string;
  readonly value: Template;
  /** Its owner; `undefined` is the user the container runs as. */
  readonly uid: number | undefined;
}

/** A place in a file that refers to a secret. */
export interface SecretUse {
  readonly name: string;
  /** `undefined` in cluster.toml. */
  readonly service: string | undefined;
  readonly file: string;
  readonly path: readonly (string | number)[];
  /** Its value becomes part of the text before that is read; otherwise it is filled in when a container is made. */
  readonly isFilled: boolean;
  /** It belongs to a part of cluster.toml that is read and not used yet. */
  readonly isUnused: boolean;
}

/** Everything `services/` asks for. Sorted by name, so that the order of files never matters. */
export interface DesiredState {
  readonly services: readonly ServiceSpec[];
  /** All places that refer to secrets. */
  readonly uses: readonly SecretUse[];
}

export type BackupTarget =
  | { readonly type: 'local'; readonly path: string }
  | {
      readonly type: 's3';
      readonly endpoint: string;
      readonly bucket: string;
      readonly region: string;
      readonly prefix: string | undefined;
      readonly accessKey: Template | undefined;
      readonly secretKey: Template | undefined;
    };

export type AcmeChallenge = 'http-01' | 'tls-alpn-01' | 'dns-01';

/** `[acme]`: who signs certificates for the domains of services. Without e-mail and directory nobody is asked. */
export interface AcmeSpec {
  readonly email: string | undefined;
  readonly directory: string | undefined;
  /** PEM of a private authority's own root, absolute or relative to the infra root. */
  readonly caFile: string | undefined;
  /** False: the authority's terms of service are not agreed to, so no account is made. */
  readonly termsAgreed: boolean;
  readonly profile: string | undefined;
  readonly externalAccount: { readonly kid: string; readonly hmacKey: string } | undefined;
  /** In the order in which they are tried. */
  readonly challenges: readonly AcmeChallenge[];
  /** Program and arguments that set TXT records; and its environment. */
  readonly dnsHook: readonly string[] | undefined;
  readonly dnsEnv: Readonly<Record<string, string>>;
  /** DNS servers to look names up by, instead of the system's. */
  readonly resolvers: readonly string[];
  /** Whether it is checked that a name leads here before the authority is asked. */
  readonly preflight: boolean;
  readonly keyType: 'ecdsa-p256' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096';
  readonly preferredChain: string | undefined;
}

/** `[proxy]` of cluster.toml. What is `undefined` has the proxy's own default. */
export interface ProxySpec {
  readonly httpPort: number;
  /** 443 beside 80; otherwise none unless it is named. */
  readonly httpsPort: number | undefined;
  readonly bind: string;
  /** Processes that serve; one for each core when left out. */
  readonly workers: number | undefined;
  /** Networks whose X-Forwarded-* is believed. */
  readonly trustedProxies: readonly string[];
  /** Sends RFC 7239 `Forwarded` as well. */
  readonly forwarded: boolean;
  /** This proxy's name in `Via`. */
  readonly viaName: string | undefined;
  /** Request fields with `_` or `.` in their names that are let through. */
  readonly allowedHeaderNames: readonly string[];
  /** Networks of balancers that have to speak the PROXY protocol. */
  readonly proxyProtocolFrom: readonly string[];
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerIp: number | undefined;
  /** In milliseconds. */
  readonly timeouts: Readonly<Record<ProxyTimeoutName, number | undefined>>;
  readonly accessLog: AccessLogSpec | undefined;
}

export type ProxyTimeoutName =
  | 'firstByteMs'
  | 'headersMs'
  | 'bodyIdleMs'
  | 'keepAliveMs'
  | 'connectMs'
  | 'responseHeadersMs'
  | 'responseIdleMs'
  | 'targetIdleMs'
  | 'upgradeGraceMs';

export interface AccessLogSpec {
  /** Absolute; `undefined` for the usual place. */
  readonly path: string | undefined;
  readonly maxBytes: number;
  /** How many former files stay. */
  readonly keep: number;
  readonly query: 'hide' | 'keep' | 'drop';
  readonly headerNames: readonly string[];
}

/** `cluster.toml`, read once when the server starts. */
export interface ClusterSpec {
  readonly name: string;
  readonly domain: string | undefined;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly apiPort: number;
  readonly apiBind: readonly string[];
  readonly acme: AcmeSpec;
  readonly proxy: ProxySpec;
  readonly backup: {
    readonly enabled: boolean;
    readonly schedule: string | undefined;
    readonly retentionDays: number;
    readonly targets: readonly BackupTarget[];
  };
  readonly security: {
    /** Absolute directories that bind mounts may come from. */
    readonly allowMounts: readonly string[];
  };
}

/** One fault of the text. Lines and columns count from 1. */
export interface Issue {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly col: number;
  /** Path of the key, for example `service[1].liveness.path`; empty for a fault of the whole file. */
  readonly path: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** A config file as text; `path` is relative to the infra root and appears in messages. */
export interface SpecFile {
  readonly path: string;
  readonly text: string;
}

/** The whole infra repository, parsed. */
export interface Infra {
  readonly root: string;
  readonly cluster: ClusterSpec;
  readonly desired: DesiredState;
}

/** What reading the files came to, with all that refers to secrets, also where reading failed. */
export type InfraReading = Parsed<Infra> & {
  readonly uses: readonly SecretUse[];
  /** Secrets whose values are needed to read the files, and were not given. */
  readonly needed: readonly string[];
};
