/** How a stand-in image is put together from Debian packages. */
export interface Recipe {
  /** Packages to take files from, `busybox-static` aside; their shared libraries come with them. */
  readonly packages: readonly string[];
  /** What of the packages goes in besides shared libraries: files and directories, relative to the root. */
  readonly paths: readonly string[];
  /** Leaves out what matches, of the directories in `paths`. */
  readonly without?: RegExp;
  /** Symbolic links that the packages' own scripts would make: where, and to what. */
  readonly links?: Readonly<Record<string, string>>;
  /** Directories below `rootfs/`, laid over the image in this order. */
  readonly overlays: readonly string[];
  /** Directories that the image has, empty. */
  readonly directories: readonly string[];
  /** The image's settings, in Dockerfile words. */
  readonly config: readonly string[];
  /** A program and its arguments that must succeed inside, or the image is not kept. */
  readonly proof?: readonly string[];
  /** Whether a registry may have the real thing; otherwise it is built without asking. */
  readonly isPublic: boolean;
}

const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const bare: Recipe = { packages: [], paths: [], overlays: [], directories: [], config: [path], isPublic: true };

/** A program of our own in busybox's shell, which no registry has. */
const own = (overlays: readonly string[], env: readonly string[] = [], entrypoint = '/entrypoint.sh'): Recipe => ({
  ...bare,
  overlays,
  config: [path, ...env, 'EXPOSE 8080', `ENTRYPOINT ["${entrypoint}"]`, 'CMD []'],
  isPublic: false,
});

const redis: Recipe = {
  ...bare,
  packages: ['redis-tools'],
  // Debian's server, command line and checkers are one program and links to it.
  paths: ['usr/bin/redis-check-rdb', 'usr/bin/redis-cli'],
  links: { 'usr/bin/redis-server': 'redis-check-rdb' },
  overlays: ['redis'],
  proof: ['/usr/bin/redis-server', '--version'],
  directories: ['data'],
  config: [
    path,
    'WORKDIR /data',
    'VOLUME /data',
    'EXPOSE 6379',
    'ENTRYPOINT ["docker-entrypoint.sh"]',
    'CMD ["redis-server"]',
  ],
};

const postgres: Recipe = {
  ...bare,
  packages: ['postgresql-15', 'postgresql-client-15', 'libc-bin', 'tzdata'],
  paths: ['usr/lib/postgresql/15', 'usr/share/postgresql/15', 'usr/share/zoneinfo', 'usr/lib/locale/C.utf8'],
  without: /llvmjit|\/bitcode|\/man\//,
  overlays: ['postgres'],
  proof: ['/usr/lib/postgresql/15/bin/postgres', '--version'],
  directories: ['var/lib/postgresql/data', 'docker-entrypoint-initdb.d'],
  config: [
    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin',
    'ENV PGDATA=/var/lib/postgresql/data',
    'ENV LANG=C.UTF-8',
    'VOLUME /var/lib/postgresql/data',
    'EXPOSE 5432',
    'ENTRYPOINT ["docker-entrypoint.sh"]',
    'CMD ["postgres"]',
  ],
};

const keycloak: Recipe = {
  ...bare,
  overlays: ['keycloak'],
  directories: ['opt/keycloak/themes'],
  config: [path, 'EXPOSE 8080', 'ENTRYPOINT ["/opt/keycloak/bin/kc.sh"]'],
};

/** The sample images by the name that service.toml uses. */
export const recipes: Readonly<Record<string, Recipe>> = {
  'busybox:1.36': { ...bare, config: [path, 'CMD ["sh"]'] },
  'redis:7-alpine': redis,
  'postgres:16-alpine': postgres,
  'quay.io/keycloak/keycloak:25.0': keycloak,
  'orca-test/app:1': own(['app'], ['ENV VERSION=1']),
  'orca-test/app:2': own(['app'], ['ENV VERSION=2']),
  'orca-test/misfit:1': own(['app', 'misfit'], ['ENV VERSION=1'], '/misfit.sh'),
  'orca-test/tokens:1': own(['tokens']),
  'orca-test/tunnel:1': own(['tunnel']),
};
