/** How a stand-in image is put together from Debian packages. */
export interface Recipe {
  /** Packages to take files from, `busybox-static` aside; their shared libraries come with them. */
  readonly packages: readonly string[];
  /** What of the packages goes in besides shared libraries: files and directories, relative to the root. */
  readonly paths: readonly string[];
  /** Directories below `rootfs/`, laid over the image in this order. */
  readonly overlays: readonly string[];
  /** Directories that the image has, empty. */
  readonly directories: readonly string[];
  /** The image's settings, in Dockerfile words. */
  readonly config: readonly string[];
  /** Whether a registry may have the real thing; otherwise it is built without asking. */
  readonly isPublic: boolean;
}

const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const bare: Recipe = { packages: [], paths: [], overlays: [], directories: [], config: [path], isPublic: true };

const app = (version: string): Recipe => ({
  ...bare,
  overlays: ['app'],
  config: [path, `ENV VERSION=${version}`, 'EXPOSE 8080', 'ENTRYPOINT ["/entrypoint.sh"]', 'CMD []'],
  isPublic: false,
});

/** The sample images by the name that service.toml uses. */
export const recipes: Readonly<Record<string, Recipe>> = {
  'busybox:1.36': { ...bare, config: [path, 'CMD ["sh"]'] },
  'orca-test/app:1': app('1'),
  'orca-test/app:2': app('2'),
};
