import { isRecord } from './cleanText.js';

/** A tool's own words, dug out of the envelope that MCP wraps them in. */
export interface ToolAnswer {
  readonly isError: boolean;
  /** The JSON object the tool answered with; null when it answered in plain text or not at all. */
  readonly body: Readonly<Record<string, unknown>> | null;
  /** The first text block. */
  readonly text: string;
  readonly image: { readonly base64: string } | null;
}

/**
 * Reads a `tools/call` result: the JSON text of the first text block, else `structuredContent`, else its `result` when wrapped
 * (a business failure has `isError:false`; a screenshot has a text block, an image block and no structured content).
 */
export function toolAnswerOf(result: unknown): ToolAnswer {
  const envelope = isRecord(result) ? result : {};
  const blocks = Array.isArray(envelope['content']) ? envelope['content'].filter(isRecord) : [];
  const textBlock = blocks.find((block) => block['type'] === 'text' && typeof block['text'] === 'string');
  const text = typeof textBlock?.['text'] === 'string' ? textBlock['text'] : '';
  const image = blocks.find((block) => block['type'] === 'image' && typeof block['data'] === 'string');
  return {
    isError: envelope['isError'] === true,
    body: bodyOf(text, envelope['structuredContent']),
    text,
    image: typeof image?.['data'] === 'string' ? { base64: image['data'] } : null,
  };
}

function bodyOf(text: string, structured: unknown): Record<string, unknown> | null {
  const inText = parsedObject(text);
  if (inText && 'success' in inText) return inText;
  if (isRecord(structured)) {
    if ('success' in structured) return structured;
    if (isRecord(structured['result'])) return structured['result'];
    return structured;
  }
  return inText;
}

function parsedObject(text: string): Record<string, unknown> | null {
  if (text.charCodeAt(0) !== 0x7b) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}
