/**
 * What may come in, by MIME type: the extensions it may carry. The allow-lists of assets, pictures for CV and sound for ASR; whether
 * the bytes really are what they claim is looked at where the bytes are.
 */
export const ASSET_MIME_EXTENSIONS = {
  'image/png': ['.png'],
  'image/jpeg': ['.jpg', '.jpeg'],
  'image/gif': ['.gif'],
  'image/bmp': ['.bmp'],
  'image/x-tga': ['.tga'],
  'image/vnd.adobe.photoshop': ['.psd'],
  'image/tiff': ['.tif', '.tiff'],
  'audio/wav': ['.wav'],
  'audio/mpeg': ['.mp3'],
  'audio/ogg': ['.ogg'],
  'font/ttf': ['.ttf'],
  'font/otf': ['.otf'],
  'model/fbx': ['.fbx'],
  'model/obj': ['.obj'],
  'model/gltf-binary': ['.glb'],
  'application/json': ['.json'],
  'text/plain': ['.txt'],
  'text/csv': ['.csv'],
} as const satisfies Record<string, readonly string[]>;

export const CV_MIME_EXTENSIONS = {
  'image/png': ['.png'],
  'image/jpeg': ['.jpg', '.jpeg'],
  'image/bmp': ['.bmp'],
  'image/tiff': ['.tif', '.tiff'],
} as const satisfies Record<string, readonly string[]>;

export const ASR_MIME_EXTENSIONS = {
  'audio/wav': ['.wav'],
  'audio/mpeg': ['.mp3'],
  'audio/ogg': ['.ogg'],
  'audio/flac': ['.flac'],
} as const satisfies Record<string, readonly string[]>;

export type MimeTable = Readonly<Record<string, readonly string[]>>;

/** Models go through Unity's model importer, which copies and names them. */
export const isModel = (mime: string): boolean => mime.startsWith('model/');

/** The MIME types of a table as a zod enum wants them. */
export function typesOf<T extends MimeTable>(table: T): [keyof T & string, ...(keyof T & string)[]] {
  return Object.keys(table) as [keyof T & string, ...(keyof T & string)[]];
}

/** Why a path may not carry a MIME type, or undefined when it may. */
export function extensionProblem(table: MimeTable, mime: string, path: string): string | undefined {
  const extensions = table[mime] ?? [];
  return extensions.some((extension) => path.toLowerCase().endsWith(extension))
    ? undefined
    : `must end in ${extensions.join(' or ')} for ${mime}`;
}

/** The type that an asset's path says it has; undefined for what is no asset that could be taken in, as a script or a scene. */
export function assetMimeOf(path: string): keyof typeof ASSET_MIME_EXTENSIONS | undefined {
  return typesOf(ASSET_MIME_EXTENSIONS).find(
    (mime) => extensionProblem(ASSET_MIME_EXTENSIONS, mime, path) === undefined,
  );
}

/** Whatever some command can take in: what may be posted to `/v1/uploads`. */
export const UPLOAD_MIME_EXTENSIONS: MimeTable = {
  ...ASSET_MIME_EXTENSIONS,
  ...CV_MIME_EXTENSIONS,
  ...ASR_MIME_EXTENSIONS,
};

/** The type that a file's name suggests; undefined for an extension that no command takes. */
export function mimeOfName(name: string): string | undefined {
  const known = Object.keys(UPLOAD_MIME_EXTENSIONS);
  return known.find((mime) => extensionProblem(UPLOAD_MIME_EXTENSIONS, mime, name) === undefined);
}
