import { ServiceError } from './errors.js';
import type { Mode, OcrEngine, RecognizedPage } from './ocrEngine.js';
import { decodeTiff } from './tiff.js';

export type { Mode } from './ocrEngine.js';

const READABLE = new Set(['image/png', 'image/jpeg', 'image/bmp', 'image/tiff']);

export interface NumberedPage extends RecognizedPage {
  /** 1-based. */
  readonly page: number;
}

/** The text of a picture, page by page: tesseract reads PNG, JPEG and BMP itself, a TIFF is taken apart for it. */
export async function recognizeFile(
  ocr: Pick<OcrEngine, 'recognize'>,
  file: { readonly mime: string; readonly bytes: Buffer; readonly signal: AbortSignal },
  mode: Mode,
  maxPages: number,
): Promise<NumberedPage[]> {
  if (!READABLE.has(file.mime))
    throw new ServiceError(
      415,
      'unsupported_media',
      `${file.mime || 'no content-type'}: PNG, JPEG, BMP and TIFF are read`,
    );
  const pictures = file.mime === 'image/tiff' ? decodeTiff(file.bytes, maxPages) : [file.bytes];
  const pages: NumberedPage[] = [];
  for (const picture of pictures)
    pages.push({ page: pages.length + 1, ...(await ocr.recognize(picture, mode, file.signal)) });
  return pages;
}
